# expect: call_limit
# tries: an endless generator of options that asks a question for each of them
# gold: SECRET
# reward: 0
import itertools


def execute_command(image):
    return image.best_text_match(image.simple_query(f"Option {n}?") for n in itertools.count())
