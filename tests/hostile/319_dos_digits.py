# expect: timeout
# tries: lifts the limit on digits and prints a number of ten million of them
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def execute_command(image):
    load("sys").set_int_max_str_digits(0)
    return str(1 << 33_000_000)[:1]
