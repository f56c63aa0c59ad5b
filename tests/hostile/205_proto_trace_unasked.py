# expect: protocol
# tries: sends a trace that nobody asked for
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def frame(body):
    load("os").write(3, len(body).to_bytes(4, "little") + body)


def execute_command(image):
    frame(b'["trace",[[1,{"reward":"1"}]]]')
    return "traced"
