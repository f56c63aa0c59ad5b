# expect: timeout
# tries: a pattern that backtracks for centuries inside one call of C
# gold: SECRET
# reward: 0
import re


def execute_command(image):
    return "yes" if re.match(r"(a+)+$", "a" * 60 + "b") else "no"
