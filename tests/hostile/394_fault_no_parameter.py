# expect: runtime_error
# tries: an entry point that takes nothing
# gold: SECRET
# reward: 0
def execute_command():
    return "yes"
