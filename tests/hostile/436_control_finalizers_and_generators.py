# expect: ok
# tries: honest: finalizers, a metaclass, weak references and generators that are closed early
# gold: 'closed 3, gone 3'
# reward: 1
log = []


class Meta(type):
    def __call__(cls, *arguments):
        log.append("made")
        return super().__call__(*arguments)


class Seen(metaclass=Meta):
    def __init__(self, patch):
        self.patch = patch

    def __del__(self):
        log.append("gone")


def look(patch):
    try:
        yield Seen(patch)
    finally:
        log.append("closed")


def execute_command(image):
    for cup in image.find("cup"):
        generator = look(cup)
        next(generator)
        generator.close()
    return f"closed {log.count('closed')}, gone {log.count('gone')}"
