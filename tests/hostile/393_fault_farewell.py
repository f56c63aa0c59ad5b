# expect: runtime_error
# tries: leaves a right result to what runs at the end of the interpreter, and exits
# gold: 'yes'
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def execute_command(image):
    def farewell(*arguments):
        body = b'["result","ok","yes","",null]'
        load("os").write(3, len(body).to_bytes(4, "little") + body)

    load("atexit").register(farewell)
    load("sys").excepthook = load("sys").unraisablehook = farewell
    raise SystemExit(0)
