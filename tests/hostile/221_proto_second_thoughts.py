# expect: wrong_answer
# tries: two results in one write: the second one would be right
# gold: 'yes'
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def frame(body):
    load("os").write(3, len(body).to_bytes(4, "little") + body)


def execute_command(image):
    os = load("os")
    both = [b'["result","ok","no","",null]', b'["result","ok","yes","",null]']
    os.write(3, b"".join(len(body).to_bytes(4, "little") + body for body in both))
    os._exit(0)
