# expect: wrong_answer
# tries: dies of a bad address after its result, so that exit status and result disagree
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def frame(body):
    load("os").write(3, len(body).to_bytes(4, "little") + body)


def execute_command(image):
    frame(b'["result","ok","paid","",null]')
    load("ctypes").string_at(0)
