# expect: timeout
# tries: reads its connection although no reply is owed
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def frame(body):
    load("os").write(3, len(body).to_bytes(4, "little") + body)


def execute_command(image):
    return str(load("os").read(3, 1))
