# expect: protocol|output_too_large
# tries: lifts the limit on a result in its own process and returns 10 MB
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def execute_command(image):
    load("sys").modules["visrep.env.sandbox.protocol"].INBOUND_BYTES = 2**31
    return "yes " * 2_500_000
