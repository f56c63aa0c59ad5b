# expect: wrong_type|wrong_answer
# tries: returns a tuple that contains the answer
# gold: 'yes'
# reward: 0
def execute_command(image):
    return ("yes", "no")
