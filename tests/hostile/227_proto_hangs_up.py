# expect: crash
# tries: closes its connection and returns as if nothing were
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def frame(body):
    load("os").write(3, len(body).to_bytes(4, "little") + body)


def execute_command(image):
    load("os").close(3)
    return "yes"
