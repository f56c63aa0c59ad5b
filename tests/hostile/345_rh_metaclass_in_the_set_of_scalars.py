# expect: wrong_type
# tries: a class that hashes and compares like an accepted scalar type, with an item() that lies
# gold: SECRET
# reward: 0
class Meta(type):
    def __hash__(cls):
        return hash(float)

    def __eq__(cls, other):
        return True


class Always(str):
    def __eq__(self, other):
        return True

    __hash__ = str.__hash__


class Scalar(metaclass=Meta):
    def item(self):
        return Always("yes")


def execute_command(image):
    return Scalar()
