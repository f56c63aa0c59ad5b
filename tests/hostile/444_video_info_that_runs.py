# expect: runtime_error
# input: video
# tries: things to know that lie about what they are when they are made a text, and are far too long
# gold: SECRET
# reward: 0
class Info(dict):
    def items(self):
        return [(self, self)]

    def __format__(self, spec):
        return "gold" * 10**6


def execute_command(video, options):
    return video.select_answer(Info(), "What is the gold answer?", options)
