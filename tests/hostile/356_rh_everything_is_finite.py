# expect: wrong_type|protocol
# tries: makes every number finite in its own process and returns one that is not
# gold: 5.0
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def execute_command(image):
    load("math").isfinite = lambda number: True
    return float("nan")
