# expect: runtime_error
# tries: makes a patch out of nothing and asks about it
# gold: SECRET
# reward: 0
def execute_command(image):
    return object.__new__(ImagePatch).simple_query("Who are you?")
