class Vector:
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __add__(self, other):
        return Vector(self.x + other.x, self.y + other.y)

    def __sub__(self, other):
        return self + -other

    def __neg__(self):
        return Vector(-self.x, -self.y)

    def __mul__(self, k):
        if isinstance(k, Vector):
            return self.x * k.x + self.y * k.y
        return Vector(self.x * k, self.y * k)

    __rmul__ = __mul__

    def __abs__(self):
        return (self.x**2 + self.y**2) ** 0.5

    def __iter__(self):
        yield self.x
        yield self.y


def execute_command(image):
    a, b = image.find("star")[0], image.find("star")[2]
    start = Vector(a.horizontal_center, a.vertical_center)
    end = Vector(b.horizontal_center, b.vertical_center)
    way = end - start
    return [tuple(way), abs(way), tuple(0.5 * (start + end)), start * end]


# ---
class Version:
    def __init__(self, text):
        self.parts = tuple(int(part) for part in text.split("."))

    def __eq__(self, other):
        return self.parts == other.parts

    def __lt__(self, other):
        return self.parts < other.parts

    def __hash__(self):
        return hash(self.parts)

    def __str__(self):
        return ".".join(map(str, self.parts))


def execute_command(image):
    versions = [Version(text) for text in "1.10 1.2 1.2.1 0.9 1.2".split()]
    ordered = " ".join(str(version) for version in sorted(versions))
    return ordered, len(set(versions)), str(max(versions)), versions[1] != versions[4]


# ---
class Bag:
    def __init__(self, items=()):
        self._items = {}
        for item in items:
            self._items[item] = self._items.get(item, 0) + 1

    def __len__(self):
        return sum(self._items.values())

    def __contains__(self, item):
        return item in self._items

    def __getitem__(self, item):
        return self._items.get(item, 0)

    def __setitem__(self, item, count):
        self._items[item] = count

    def __delitem__(self, item):
        del self._items[item]

    def __bool__(self):
        return bool(self._items)


def execute_command(image):
    bag = Bag("mississippi")
    bag["z"] = 26
    del bag["p"]
    return [len(bag), "m" in bag, "p" in bag, bag["s"], bag["q"], bool(bag), bool(Bag())]


# ---
class Interval:
    def __init__(self, low, high):
        self.low, self.high = low, high

    def __and__(self, other):
        low, high = max(self.low, other.low), min(self.high, other.high)
        return Interval(low, high) if low <= high else None

    def __or__(self, other):
        return Interval(min(self.low, other.low), max(self.high, other.high))

    def __contains__(self, x):
        return self.low <= x <= self.high

    def __repr__(self):
        return f"[{self.low}..{self.high}]"


def execute_command(image):
    a, b, c = Interval(0, 10), Interval(5, 20), Interval(30, 40)
    return [repr(a & b), repr(a | c), (a & c) is None, 7 in a & b, 4 in (a & b)]


# ---
class Matrix:
    def __init__(self, rows):
        self.rows = [list(row) for row in rows]

    def __matmul__(self, other):
        return Matrix([[sum(a * b for a, b in zip(row, col)) for col in zip(*other.rows)] for row in self.rows])

    def __pow__(self, n):
        result = Matrix([[int(i == j) for j in range(len(self.rows))] for i in range(len(self.rows))])
        for _ in range(n):
            result = result @ self
        return result

    def __getitem__(self, position):
        row, column = position
        return self.rows[row][column]


def execute_command(image):
    fibonacci = Matrix([[1, 1], [1, 0]]) ** 40
    return [fibonacci[0, 1], (Matrix([[1, 2]]) @ Matrix([[3], [4]])).rows]


# ---
class Money:
    def __init__(self, cents, currency="EUR"):
        self.cents, self.currency = cents, currency

    def __iadd__(self, other):
        if other.currency != self.currency:
            return NotImplemented
        self.cents += other.cents
        return self

    def __radd__(self, other):
        return Money(self.cents + other * 100, self.currency)

    def __divmod__(self, n):
        return divmod(self.cents, n)

    def __format__(self, spec):
        return f"{self.cents / 100:{spec or '.2f'}} {self.currency}"

    def __round__(self, digits=0):
        return round(self.cents / 100, digits)

    def __index__(self):
        return self.cents


def execute_command(image):
    purse = Money(1050)
    purse += Money(95)
    try:
        purse += Money(1, "USD")
    except TypeError as error:
        mixed = str(error)
    return [f"{purse}", f"{5 + purse:.1f}", divmod(purse, 3), round(purse, 1), hex(purse), mixed]


# ---
class Pipe:
    def __init__(self, function):
        self.function = function

    def __rshift__(self, other):
        return Pipe(lambda x: other.function(self.function(x)))

    def __ror__(self, value):
        return self.function(value)


find_cups = Pipe(lambda image: image.find("cup"))
colors = Pipe(lambda patches: [patch.simple_query("What color is the cup?") for patch in patches])
joined = Pipe(", ".join)


def execute_command(image):
    return image | (find_cups >> colors >> joined)


# ---
class Grid:
    def __init__(self, width, height):
        self.cells = [[(x, y) for x in range(width)] for y in range(height)]

    def __getitem__(self, key):
        if isinstance(key, slice):
            return self.cells[key]
        if isinstance(key, tuple):
            rows, columns = key
            if isinstance(rows, slice):
                return [row[columns] for row in self.cells[rows]]
            return self.cells[rows][columns]
        return self.cells[key]

    def __reversed__(self):
        return reversed(self.cells)


def execute_command(image):
    grid = Grid(4, 3)
    return [grid[1, 2], grid[:, 0], len(grid[1:]), grid[-1][0], next(reversed(grid))[0]]
