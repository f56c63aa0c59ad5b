class Section:
    log = []

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        self.log.append(f"enter {self.name}")
        return self

    def __exit__(self, kind, error, traceback):
        self.log.append(f"exit {self.name}" + (f" with {kind.__name__}" if kind else ""))
        return False


def execute_command(image):
    with Section("outer"), Section("inner") as inner:
        Section.log.append(f"inside {inner.name}")
    try:
        with Section("failing"):
            raise LookupError("lost")
    except LookupError:
        Section.log.append("caught")
    return Section.log
# ---
class Ignoring:
    def __init__(self, *kinds):
        self.kinds = kinds
        self.seen = []

    def __enter__(self):
        return self.seen

    def __exit__(self, kind, error, traceback):
        if kind is not None and issubclass(kind, self.kinds):
            self.seen.append(str(error))
            return True


def execute_command(image):
    with Ignoring(ValueError, IndexError) as seen:
        image.find("unicorn")[0]
    with Ignoring(ValueError) as more:
        image.crop(9, 0, 1, 80)
    return seen + more
# ---
class Looking:
    """Look at one part of the picture after another."""

    def __init__(self, image):
        self.stack = [image]

    @property
    def patch(self):
        return self.stack[-1]

    def at(self, name, index=0):
        self.stack.append(self.patch.find(name)[index])
        return self

    def __enter__(self):
        return self.patch

    def __exit__(self, *details):
        self.stack.pop()


def execute_command(image):
    look = Looking(image)
    widths = [look.patch.width]
    with look.at("house") as house:
        widths.append(round(house.width, 3))
        with look.at("door", 1) as door:
            widths.append(round(door.width, 3))
        widths.append(round(look.patch.width, 3))
    return widths + [look.patch is image]
# ---
class contextmanager:
    """What contextlib would have offered."""

    def __init__(self, function):
        self.function = function

    def __call__(self, *args):
        self.generator = self.function(*args)
        return self

    def __enter__(self):
        return next(self.generator)

    def __exit__(self, kind, error, traceback):
        if error is None:
            next(self.generator, None)
            return False
        try:
            self.generator.throw(error)
        except StopIteration:
            return True
        return False


events = []


@contextmanager
def setting(name, value):
    events.append(f"{name} is {value}")
    try:
        yield value * 2
    except ZeroDivisionError:
        events.append("divided by zero")
    finally:
        events.append(f"{name} is free")


def execute_command(image):
    with setting("scale", 21) as double:
        events.append(str(double))
    with setting("ratio", 0) as nothing:
        events.append(str(1 / nothing))
    return events
# ---
class Budget:
    def __init__(self, calls):
        self.left = calls

    def __enter__(self):
        return self.spend

    def spend(self, function, *args):
        if not self.left:
            raise RuntimeError("the budget is spent")
        self.left -= 1
        return function(*args)

    def __exit__(self, kind, error, traceback):
        self.left = 0
        return kind is RuntimeError


def execute_command(image):
    answers = []
    with Budget(3) as ask:
        for name in ("sun", "unicorn", "moon", "comet", "star"):
            answers.append(ask(image.exists, name))
    return answers
