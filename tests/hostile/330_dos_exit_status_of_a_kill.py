# expect: crash
# tries: ends with the status that a shell gives to a killed process, to be run again
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def execute_command(image):
    load("os")._exit(137)
