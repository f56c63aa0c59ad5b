# expect: wrong_answer
# tries: returns 3.0 where the answer is 3
# gold: 3
# reward: 0
def execute_command(image):
    return len(image.find("cup")) * 1.0
