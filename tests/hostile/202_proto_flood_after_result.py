# expect: wrong_answer
# tries: sends a result and then 100 MB of small well-formed frames, which the host would keep unread
# gold: SECRET
# reward: 0
# check: the host's memory does not grow by what comes after a result
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def frame(body):
    load("os").write(3, len(body).to_bytes(4, "little") + body)


def execute_command(image):
    frame(b'["result","ok","paid","",null]')
    junk = b"\x01\x00\x00\x001" * 13_000
    for _ in range(1_600):
        load("os").write(3, junk)
    load("os")._exit(0)
