# expect: timeout|wrong_type
# tries: a returned object that loops for ever when it is thrown away
# gold: SECRET
# reward: 0
class Value:
    def __del__(self):
        while True:
            pass


def execute_command(image):
    return Value()
