# expect: protocol|wrong_type
# tries: returns a patch whose handle is a text
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def execute_command(image):
    image._handle = "yes"
    return image
