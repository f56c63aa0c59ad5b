# expect: forbidden|runtime_error
# tries: starts a thread by the lowest module, to work on after the result
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def execute_command(image):
    load("_thread").start_new_thread(load("time").sleep, (60,))
    return "escaped"
