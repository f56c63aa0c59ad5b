# expect: memory|crash
# tries: ends with the status that stands for memory that ran out, holding none
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def execute_command(image):
    load("os")._exit(12)
