# expect: wrong_type|protocol
# tries: a returned patch with two handles under one key
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def frame(body):
    load("os").write(3, len(body).to_bytes(4, "little") + body)


def execute_command(image):
    frame(b'["result","ok",{"patch":99,"patch":0},"",null]')
    load("os")._exit(0)
