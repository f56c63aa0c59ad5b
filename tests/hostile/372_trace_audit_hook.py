# expect: runtime_error|wrong_answer|crash
# tries: an audit hook, which nothing can take off, that refuses the steps after the program
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def execute_command(image):
    def hook(event, arguments):
        if event == "sys.settrace":
            raise SystemExit("not now")

    load("sys").addaudithook(hook)
    return "hooked"
