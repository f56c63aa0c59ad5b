# expect: runtime_error
# tries: asks about what was found in a patch one pixel wide: strips that are there and are empty
# gold: SECRET
# reward: 0
def execute_command(image):
    strips = image.crop(0, 0, 1, 80).find("cup")
    return strips[0].simple_query("What is this?")
