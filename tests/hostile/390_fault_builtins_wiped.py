# expect: crash|runtime_error
# tries: empties the real builtins, so that nothing can be reported
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def execute_command(image):
    vars(load("builtins")).clear()
    return "wiped"
