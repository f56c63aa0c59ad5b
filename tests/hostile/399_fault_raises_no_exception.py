# expect: runtime_error
# tries: raises what is no exception
# gold: SECRET
# reward: 0
def execute_command(image):
    raise image
