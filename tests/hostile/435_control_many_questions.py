# expect: ok
# tries: honest: 240 questions, deep recursion and 64 MB, all within the limits
# gold: 840
# reward: 1
def depth(level):
    return level if level == 600 else depth(level + 1)


def execute_command(image):
    room = bytearray(64 * 2**20)
    found = sum(image.exists(f"thing {number}") for number in range(240))
    return found + depth(0) + room[-1]
