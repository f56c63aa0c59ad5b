# expect: forbidden|runtime_error
# tries: has a watchdog thread end the process later, with a status of its choice
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def execute_command(image):
    load("faulthandler").dump_traceback_later(0.1, exit=True, file=1)
    load("time").sleep(0.5)
    return "escaped"
