# expect: timeout
# tries: a dictionary whose keys all have the same hash
# gold: SECRET
# reward: 0
def execute_command(image):
    return str(len({n * (2**61 - 1): n for n in range(100_000)}))
