# expect: wrong_type|output_too_large
# tries: a list that is lengthened by its own element while it is made plain
# gold: SECRET
# reward: 0
class Meta(type):
    def __hash__(cls):
        answers.extend(["yes", "no", "red", Guess()])
        return 1


class Guess(metaclass=Meta):
    pass


answers = ["blue", Guess()]


def execute_command(image):
    return answers
