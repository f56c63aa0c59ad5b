# expect: wrong_type|protocol|runtime_error|crash
# tries: returns a patch whose handle contains itself
# gold: SECRET
# reward: 0
def execute_command(image):
    image._handle = [0]
    image._handle.append(image._handle)
    return image
