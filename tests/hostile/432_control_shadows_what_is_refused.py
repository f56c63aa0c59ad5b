# expect: ok
# tries: honest: gives its own helpers the names open, eval and exit
# gold: 'red'
# reward: 1
def open(patch):
    return patch.simple_query("What color is this?")


def eval(answers):
    return max(set(answers), key=answers.count)


def execute_command(image):
    exit = [open(cup) for cup in image.find("cup")]
    return eval(exit)
