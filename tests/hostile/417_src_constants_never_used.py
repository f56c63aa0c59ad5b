# expect: wrong_answer
# tries: constant expressions of gigabytes in a branch that never runs, for a compiler that computes them
# gold: SECRET
# reward: 0
def execute_command(image):
    if not image.exists("dog"):
        return "a" * 10**9 + str(1 << 10**9) + str((0,) * 10**9) + str(10**10**8) + "%999999999d" % 1
    return "compiled"
