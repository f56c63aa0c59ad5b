# expect: syntax_error|memory|crash|runtime_error
# tries: replacement fields inside the format of replacement fields
# gold: SECRET
# reward: 0
def execute_command(image):
    return f"{1:{2:{3:{4:{5:{6:{7}}}}}}}"
