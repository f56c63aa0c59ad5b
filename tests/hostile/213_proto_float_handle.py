# expect: protocol
# tries: asks about handle 0.0, which equals 0
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def frame(body):
    load("os").write(3, len(body).to_bytes(4, "little") + body)


def execute_command(image):
    frame(b'["call","compute_depth",[0.0]]')
    return "deep"
