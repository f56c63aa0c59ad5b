# expect: runtime_error|protocol
# tries: claims a fault of its own that carries a value all the same
# gold: 'yes'
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def frame(body):
    load("os").write(3, len(body).to_bytes(4, "little") + body)


def execute_command(image):
    frame(b'["result","runtime_error","yes","it was right though",null]')
    load("os")._exit(0)
