# expect: memory
# tries: pads a number to two billion characters
# gold: SECRET
# reward: 0
def execute_command(image):
    return f"{1:>{2 * 10**9}}"[:1]
