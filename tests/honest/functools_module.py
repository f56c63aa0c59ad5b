import functools


@functools.lru_cache(maxsize=None)
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def execute_command(image):
    value = fib(90)
    info = fib.cache_info()
    return value, info.hits, info.misses


# ---
from functools import reduce


def execute_command(image):
    patches = image.find("beam")
    widest = reduce(lambda a, b: a if a.width >= b.width else b, patches)
    return [reduce(lambda total, n: total * n, range(1, 8), 1), widest]


# ---
from functools import partial


def execute_command(image):
    is_red = partial(image.verify_property, visual_property="red")
    from_binary = partial(int, base=2)
    return [is_red("car"), is_red(object_name="bus"), from_binary("10110"), from_binary.keywords["base"]]


# ---
from functools import total_ordering


@total_ordering
class Size:
    ORDER = ["small", "medium", "large"]

    def __init__(self, name):
        self.name = name

    def __eq__(self, other):
        return self.name == other.name

    def __lt__(self, other):
        return self.ORDER.index(self.name) < self.ORDER.index(other.name)


def execute_command(image):
    small, large = Size("small"), Size("large")
    return [small < large, small >= large, max(small, large).name, small <= Size("small"), large > small]


# ---
from functools import singledispatch


@singledispatch
def describe(value):
    return "something"


@describe.register
def _(value: int):
    return f"the number {value}"


@describe.register(list)
def _(value):
    return f"{len(value)} things: " + ", ".join(describe(item) for item in value)


@describe.register
def _(value: str | bytes):
    return "text"


def execute_command(image):
    return [describe(3), describe("x"), describe([1, "a", 2.0]), describe(True), describe(b"")]


# ---
import functools


class Picture:
    def __init__(self, patch):
        self.patch = patch
        self.asked = 0

    @functools.cached_property
    def color(self):
        self.asked += 1
        return self.patch.simple_query("What color?")


def execute_command(image):
    picture = Picture(image)
    return [picture.color, picture.color, picture.asked, "color" in vars(picture)]


# ---
import functools


def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        wrapper.log.append((function.__name__, len(args)))
        return function(*args, **kwargs)

    wrapper.log = []
    return wrapper


@logged
def area(width, height=1):
    """Width times height."""
    return width * height


def execute_command(image):
    areas = [area(3), area(3, 4), area(height=5, width=2)]
    return areas, area.log, area.__name__, area.__doc__, area.__wrapped__(2, 2)


# ---
from functools import cache


@cache
def edit_distance(a, b):
    if not a or not b:
        return len(a) + len(b)
    if a[0] == b[0]:
        return edit_distance(a[1:], b[1:])
    return 1 + min(edit_distance(a[1:], b), edit_distance(a, b[1:]), edit_distance(a[1:], b[1:]))


def execute_command(image):
    said = image.simple_query("What color is the wall?")
    return sorted((edit_distance(said, name), name) for name in ["rad", "bread", "blue", "red", "reed"])


# ---
import functools


class Cell:
    def __init__(self):
        self.alive = False

    def set_state(self, state):
        self.alive = state

    revive = functools.partialmethod(set_state, True)
    kill = functools.partialmethod(set_state, False)


def execute_command(image):
    cell = Cell()
    states = [cell.alive]
    cell.revive()
    states.append(cell.alive)
    cell.kill()
    return [*states, cell.alive]


# ---
import functools


@functools.lru_cache(maxsize=2)
def ask(patch, question):
    return patch.simple_query(question)


def execute_command(image):
    for question in ["color?", "shape?", "color?", "size?", "shape?", "color?"]:
        ask(image, question)
    hits, misses, maxsize, currsize = ask.cache_info()
    return [hits, misses, maxsize, currsize]
