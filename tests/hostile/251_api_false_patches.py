# expect: protocol|runtime_error
# tries: objects that only look like patches, with handles of their own choice
# gold: SECRET
# reward: 0
class Patch:
    _handle = 10**9


def execute_command(image):
    return str(best_image_match([image, Patch()], ["cup"], return_index=True))
