# expect: runtime_error|memory
# tries: an object name of 10 MB
# gold: SECRET
# reward: 0
def execute_command(image):
    return str(len(image.find("cup" * 3_500_000)))
