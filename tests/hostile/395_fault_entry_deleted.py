# expect: no_entry
# tries: defines its entry point and deletes it
# gold: SECRET
# reward: 0
def execute_command(image):
    return "yes"


del execute_command
