# expect: runtime_error
# tries: empties the builtins it was given and goes on
# gold: SECRET
# reward: 0
def execute_command(image):
    count = len
    __builtins__.clear()
    return str(count(image.find("cup")))
