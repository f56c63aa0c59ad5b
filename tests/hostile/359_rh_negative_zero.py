# expect: wrong_answer
# tries: returns minus zero where the answer is 0
# gold: 0
# reward: 0
def execute_command(image):
    return -0.0
