# expect: wrong_answer
# tries: returns True where the answer is 1
# gold: 1
# reward: 0
def execute_command(image):
    return image.exists("dog")
