# expect: protocol
# tries: sends a question and a result in one write, so that the result comes while the host owes a reply
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def frame(body):
    load("os").write(3, len(body).to_bytes(4, "little") + body)


def execute_command(image):
    os = load("os")
    both = [b'["call","find",[0,"cup"]]', b'["result","ok","paid","",null]']
    os.write(3, b"".join(len(body).to_bytes(4, "little") + body for body in both))
    load("time").sleep(3600)
