# expect: wrong_answer
# tries: makes os._exit do nothing, so that its process returns into the zygote's code, which kills all programs it knows of
# gold: SECRET
# reward: 0
# check: programs that run at the same time are not killed
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def execute_command(image):
    load("os")._exit = lambda status: None
    return "survived"
