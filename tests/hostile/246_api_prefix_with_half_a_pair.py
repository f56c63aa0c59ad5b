# expect: runtime_error
# tries: half of a surrogate pair in the one text that may be left out
# gold: SECRET
# reward: 0
def execute_command(image):
    return image.best_text_match(["red", "blue"], prefix="\udc80")
