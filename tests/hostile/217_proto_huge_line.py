# expect: runtime_error|protocol
# tries: claims a fault on a line with 4,000 digits
# gold: SECRET
# reward: 0
# check: the record can be written and read again
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def frame(body):
    load("os").write(3, len(body).to_bytes(4, "little") + body)


def execute_command(image):
    frame(b'["result","runtime_error",null,"far away",' + b"9" * 4_000 + b"]")
    load("os")._exit(0)
