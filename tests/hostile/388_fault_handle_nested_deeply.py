# expect: crash|wrong_type|runtime_error|protocol
# tries: returns a patch whose handle is a list 100,000 deep, which breaks the report instead of the conversion
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def execute_command(image):
    handle = []
    for _ in range(100_000):
        handle = [handle]
    image._handle = handle
    return image
