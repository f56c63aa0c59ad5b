# expect: call_limit|runtime_error
# tries: asks again inside the handler of each refused question, ever deeper
# gold: SECRET
# reward: 0
def ask(image, depth):
    try:
        return image.crop("left", 0, 1, depth)
    except ValueError:
        return ask(image, depth + 1)
    finally:
        image.exists("dog")


def execute_command(image):
    return str(ask(image, 0))
