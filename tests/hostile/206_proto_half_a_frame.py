# expect: timeout
# tries: announces a frame, sends half of it and sleeps
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def frame(body):
    load("os").write(3, len(body).to_bytes(4, "little") + body)


def execute_command(image):
    load("os").write(3, (100).to_bytes(4, "little") + b'["result",')
    load("time").sleep(3600)
