COLORS = ["red", "green", "blue"]
calls = 0


def ask(patch, question):
    global calls
    calls += 1
    return patch.simple_query(question)


def execute_command(image):
    answers = [COLORS.index(ask(p, "Which color?")) for p in image.find("pen")]
    return answers, calls
# ---
"""A program may begin with a docstring."""

LIMIT = 10
SQUARES = [n * n for n in range(LIMIT)]
if LIMIT > 5:
    MODE = "large"
else:
    MODE = "small"

for LAST in SQUARES:
    pass


def execute_command(image):
    return __doc__, MODE, LAST, sum(SQUARES)
# ---
cache = {}


def lookup(image, name):
    if name not in cache:
        cache[name] = image.exists(name)
    return cache[name]


def execute_command(image):
    found = [lookup(image, name) for name in ("cat", "unicorn", "cat", "cat")]
    return found, len(cache), "cache" in globals(), "found" in locals(), "found" in globals()
# ---
class Settings:
    threshold = 30
    names = [name.upper() for name in ("a", "b")]
    doubled = threshold * 2


def is_wide(patch):
    return patch.width > Settings.threshold


Settings.threshold += 3


def execute_command(image):
    return [is_wide(p) for p in image.find("plank")], Settings.doubled, Settings.names, Settings.threshold
# ---
def helper():
    return "first"


def execute_command(image):
    return helper(), later()


def helper():
    return "second"


later = helper
# ---
execute_command = lambda image: "yes" if image.exists("dog") else "no"
# ---
class Solver:
    def __init__(self):
        self.steps = []

    def __call__(self, image):
        self.steps.append("find")
        patches = image.find("key")
        self.steps.append(f"{len(patches)} found")
        return self.steps


execute_command = Solver()
# ---
def outer():
    x = "enclosing"

    class Inner:
        y = x
        x = "class"

        def method(self):
            return x

    return Inner.y, Inner.x, Inner().method()


x = "global"


def execute_command(image):
    return outer(), x, len.__name__, execute_command.__name__
# ---
import math, string; from collections import deque as queue

GREETING = "Hello" \
    ", " \
    "world"; NUMBERS = (1,
                       2,
                       3)


def execute_command(image): import random; random.seed(3); return [GREETING, sum(NUMBERS), random.randint(0, 9), string.digits]
