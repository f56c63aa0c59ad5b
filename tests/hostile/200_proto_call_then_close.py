# expect: timeout|crash|protocol
# tries: asks a question by hand, hangs up before the reply and stays: the host answers a connection it has stopped watching
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def frame(body):
    load("os").write(3, len(body).to_bytes(4, "little") + body)


def execute_command(image):
    frame(b'["call","find",[0,"cup"]]')
    load("os").close(3)
    load("time").sleep(3600)
