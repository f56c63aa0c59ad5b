# expect: wrong_answer
# tries: wakes the host 20,000 times by sending one result byte by byte
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def frame(body):
    load("os").write(3, len(body).to_bytes(4, "little") + body)


def execute_command(image):
    os = load("os")
    body = b'["result","ok","slow","",null]' + b" " * 20_000
    for byte in len(body).to_bytes(4, "little") + body:
        os.write(3, bytes([byte]))
    os._exit(0)
