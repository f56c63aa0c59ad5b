# expect: protocol
# tries: announces 4 GB and keeps writing until it is stopped
# gold: SECRET
# reward: 0
# check: the host's memory does not grow
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def frame(body):
    load("os").write(3, len(body).to_bytes(4, "little") + body)


def execute_command(image):
    load("os").write(3, b"\xff\xff\xff\xff")
    while True:
        load("os").write(3, b"x" * 60_000)
