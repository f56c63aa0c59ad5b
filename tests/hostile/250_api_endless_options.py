# expect: memory
# tries: an endless generator of large options, made into a list by the API itself
# gold: SECRET
# reward: 0
import itertools


def execute_command(image):
    return image.best_text_match(bytes(10**8) for _ in itertools.count())
