# expect: protocol
# tries: sends the host's own kind of reply back to it
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def frame(body):
    load("os").write(3, len(body).to_bytes(4, "little") + body)


def execute_command(image):
    frame(b'["ok",[[0,0,0,1,1]]]')
    return "replied"
