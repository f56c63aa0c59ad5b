# expect: memory|runtime_error
# tries: a kind of MemoryError that refuses to be thrown away
# gold: SECRET
# reward: 0
kept = []


class Fault(MemoryError):
    def __del__(self):
        kept.append(self)
        raise Fault


def execute_command(image):
    raise Fault("again")
