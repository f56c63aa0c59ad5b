import itertools


def execute_command(image):
    patches = image.find("planet")
    gaps = [distance(a, b) for a, b in itertools.combinations(patches, 2)]
    return min(gaps), max(gaps)


# ---
from itertools import groupby


def execute_command(image):
    text = "aaabccdddd"
    return "".join(f"{letter}{len(list(run))}" for letter, run in groupby(text))


# ---
import itertools


def execute_command(image):
    colors, shapes = ("red", "blue"), ("cup", "plate")
    true = [f"{c} {s}" for c, s in itertools.product(colors, shapes) if image.verify_property(s, c)]
    return true


# ---
from itertools import accumulate, chain, pairwise


def execute_command(image):
    widths = [p.width for p in image.find("plank")]
    edges = list(accumulate(chain([0], widths)))
    return edges, all(a < b for a, b in pairwise(edges)), list(accumulate([3, 1, 4, 1, 5], max))


# ---
import itertools


def execute_command(image):
    counter = itertools.count(10, 5)
    cycle = itertools.cycle("ab")
    pairs = [(next(counter), next(cycle)) for _ in range(5)]
    return pairs, list(itertools.islice(counter, 2, 8, 3)), list(itertools.repeat("x", 3))


# ---
from itertools import dropwhile, filterfalse, takewhile


def execute_command(image):
    numbers = [1, 4, 6, 4, 1, 9, 2]
    small = lambda n: n < 5
    return [list(takewhile(small, numbers)), list(dropwhile(small, numbers)), list(filterfalse(small, numbers))]


# ---
import itertools as it


def execute_command(image):
    left, right = it.tee(iter(range(5)))
    next(right)
    return [
        list(zip(left, right)),
        list(it.zip_longest("abc", [1], fillvalue="-")),
        list(it.starmap(pow, [(2, 5), (3, 2), (10, 3)])),
        list(it.compress("ABCDEF", [1, 0, 1, 0, 1, 1])),
    ]


# ---
from itertools import permutations


def execute_command(image):
    # SEND-like puzzle in small: AB + BA = CAC
    for a, b, c in permutations(range(10), 3):
        if 0 not in (a, b, c) and (10 * a + b) + (10 * b + a) == 100 * c + 10 * a + c:
            return [a, b, c]
    return "no solution"


# ---
import itertools


def batches(items, size):
    items = iter(items)
    while batch := list(itertools.islice(items, size)):
        yield batch


def execute_command(image):
    names = ["a", "b", "c", "d", "e", "f", "g"]
    return list(batches(names, 3)), list(itertools.combinations_with_replacement("xy", 2))


# ---
from itertools import chain, groupby


def execute_command(image):
    things = [(name, patch) for name in ("cup", "fork") for patch in image.find(name)]
    things.sort(key=lambda thing: round(thing[1].left))
    columns = [[name for name, _ in group] for _, group in groupby(things, key=lambda thing: round(thing[1].left))]
    return columns, len(list(chain.from_iterable(columns)))
