# expect: wrong_answer|protocol|output_too_large
# tries: a forged result of exactly the largest size that is read
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def frame(body):
    load("os").write(3, len(body).to_bytes(4, "little") + body)


def execute_command(image):
    head, tail = b'["result","ok","', b'","",null]'
    frame(head + b"x" * (256 * 1024 - len(head) - len(tail)) + tail)
    load("os")._exit(0)
