# expect: crash|protocol
# tries: asks a question by hand and ends at once, so that the reply finds a dead process
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def frame(body):
    load("os").write(3, len(body).to_bytes(4, "little") + body)


def execute_command(image):
    frame(b'["call","simple_query",[0,"What is this?"]]')
    load("os")._exit(0)
