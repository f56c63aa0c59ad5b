import collections


def execute_command(image):
    letters = collections.Counter("abracadabra")
    letters.subtract("aab")
    return letters.most_common(3), letters["z"], sum(letters.values())


# ---
from collections import defaultdict


def execute_command(image):
    by_color = defaultdict(list)
    for name in ["rose", "lily", "unicorn"]:
        for patch in image.find(name):
            by_color[patch.simple_query("color?")].append(name)
    return [[color, names] for color, names in by_color.items()]


# ---
from collections import deque


def execute_command(image):
    # Shortest way through a maze
    maze = ["S.#.", "..#.", "#...", "..#E"]
    start, goal = (0, 0), (3, 3)
    queue, before = deque([start]), {start: None}
    while queue:
        row, column = here = queue.popleft()
        if here == goal:
            break
        for step in ((row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)):
            r, c = step
            if 0 <= r < 4 and 0 <= c < 4 and maze[r][c] != "#" and step not in before:
                before[step] = here
                queue.append(step)
    path = []
    while here is not None:
        path.append(here)
        here = before[here]
    return path[::-1]


# ---
from collections import namedtuple

Thing = namedtuple("Thing", ["name", "width", "color"], defaults=["grey"])


def execute_command(image):
    things = [Thing("wall", patch.width, patch.simple_query("color")) for patch in image.find("wall")]
    things.append(Thing("floor", 100)._replace(width=99))
    return [things[0].color, things[-1].color, repr(things[-1]), list(Thing._fields), things[-1][1]]


# ---
from collections import OrderedDict


class Recent(OrderedDict):
    def __init__(self, size):
        super().__init__()
        self.size = size

    def __setitem__(self, key, value):
        super().__setitem__(key, value)
        self.move_to_end(key)
        while len(self) > self.size:
            self.popitem(last=False)


def execute_command(image):
    cache = Recent(3)
    for n in [1, 2, 3, 1, 4, 5, 1]:
        cache[n] = n * n
    return list(cache), list(cache.values())


# ---
from collections import ChainMap


def execute_command(image):
    defaults = {"color": "grey", "size": "small", "unit": "cm"}
    chosen = {"color": image.simple_query("What color is it?")}
    settings = ChainMap({}, chosen, defaults)
    settings["size"] = "huge"
    return [f"{k}={settings[k]}" for k in sorted(settings)] + [defaults["size"], len(settings.maps)]


# ---
from collections import deque


def execute_command(image):
    last_three = deque(maxlen=3)
    for n in range(10):
        last_three.append(n)
    ring = deque("abcde")
    ring.rotate(2)
    ring.appendleft("x")
    ring.extendleft("yz")
    return [list(last_three), "".join(ring), ring.index("a"), ring.count("q")]


# ---
from collections import Counter


def execute_command(image):
    one, two = Counter(a=3, b=1, c=0), Counter(a=1, b=2, d=4)
    combined = [one + two, one - two, one & two, one | two]
    return [sorted(counter.items()) for counter in combined] + ["".join(sorted(two.elements()))]


# ---
import collections.abc


class Steps(collections.abc.Sequence):
    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        if not -self.n <= i < self.n:
            raise IndexError(i)
        return 10 * (i % self.n)


def execute_command(image):
    steps = Steps(5)
    return [list(steps), 30 in steps, steps.index(40), list(reversed(steps)), isinstance([], collections.abc.Hashable)]


# ---
from collections import UserDict, UserList, UserString


class Loose(UserDict):
    def __missing__(self, key):
        return self[key.lower()] if key != key.lower() else "?"


def execute_command(image):
    loose = Loose(red=1, blue=2)
    shout = UserString("quiet").upper()
    numbers = UserList([3, 1, 2]) + [0]
    numbers.sort()
    return [loose["RED"], loose["Green"], str(shout), list(numbers)]


# ---
from collections import Counter, defaultdict


def tree():
    return defaultdict(tree)


def execute_command(image):
    kingdom = tree()
    kingdom["animals"]["dogs"]["poodle"] = 1
    kingdom["animals"]["cats"]
    kingdom["plants"]["roses"]["count"] = len(image.find("rose"))
    lengths = Counter(len(word) for branch in kingdom.values() for word in branch)
    return [list(kingdom["animals"]), kingdom["plants"]["roses"]["count"], sorted(lengths.items())]
