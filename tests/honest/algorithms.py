def execute_command(image):
    # Fizz buzz up to 15
    lines = []
    for n in range(1, 16):
        lines.append("Fizz" * (n % 3 == 0) + "Buzz" * (n % 5 == 0) or str(n))
    return " ".join(lines)
# ---
def neighbours(cells, x, y):
    return sum((x + dx, y + dy) in cells for dx in (-1, 0, 1) for dy in (-1, 0, 1) if dx or dy)


def step(cells):
    candidates = {(x + dx, y + dy) for x, y in cells for dx in (-1, 0, 1) for dy in (-1, 0, 1)}
    return {c for c in candidates if neighbours(cells, *c) == 3 or (c in cells and neighbours(cells, *c) == 2)}


def execute_command(image):
    glider = {(1, 0), (2, 1), (0, 2), (1, 2), (2, 2)}
    for _ in range(12):
        glider = step(glider)
    return sorted(glider)
# ---
def knapsack(items, capacity):
    best = [0] * (capacity + 1)
    for weight, value in items:
        for room in range(capacity, weight - 1, -1):
            best[room] = max(best[room], best[room - weight] + value)
    return best[capacity]


def execute_command(image):
    items = [(round(p.width) % 13 + 1, round(p.left) + 5) for p in image.find("parcel")] + [(5, 10), (4, 40), (6, 30)]
    return knapsack(items, 14)
# ---
def dijkstra(graph, start):
    distances = {node: float("inf") for node in graph}
    distances[start] = 0
    unvisited = set(graph)
    while unvisited:
        node = min(sorted(unvisited), key=distances.get)
        unvisited.remove(node)
        for other, length in graph[node]:
            distances[other] = min(distances[other], distances[node] + length)
    return distances


def execute_command(image):
    roads = {"A": [("B", 7), ("C", 3)], "B": [("D", 2)], "C": [("B", 1), ("D", 8)], "D": [("A", 1)]}
    return [[town, far] for town, far in dijkstra(roads, "A").items()]
# ---
def longest_common(a, b):
    table = [[""] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            table[i + 1][j + 1] = table[i][j] + x if x == y else max(table[i][j + 1], table[i + 1][j], key=len)
    return table[-1][-1]


def execute_command(image):
    return longest_common("AGGTABQRST", "GXTXAYBRT")
# ---
def cluster(patches, gap):
    """Patches that are close to each other belong together."""
    groups = []
    for patch in sorted(patches, key=lambda p: p.left):
        for group in groups:
            if any(distance(patch, other) <= gap for other in group):
                group.append(patch)
                break
        else:
            groups.append([patch])
    return groups


def execute_command(image):
    boats = [image.crop(x, 10, x + 8, 20) for x in (0, 10, 40, 47, 90)]
    return [[round(boat.left) for boat in group] for group in cluster(boats, 5)]
# ---
class Stack:
    def __init__(self):
        self._items = []

    def push(self, item):
        self._items.append(item)

    def pop(self):
        if not self._items:
            raise IndexError("the stack is empty")
        return self._items.pop()


def calculate(expression):
    stack = Stack()
    for token in expression.split():
        if token in "+-*/":
            b, a = stack.pop(), stack.pop()
            stack.push({"+": a + b, "-": a - b, "*": a * b, "/": a / b if b else 0}[token])
        else:
            stack.push(float(token))
    return stack.pop()


def execute_command(image):
    try:
        calculate("1 +")
    except IndexError as error:
        return calculate("3 4 + 2 * 7 /"), calculate("5 1 2 + 4 * + 3 -"), str(error)
# ---
class Node:
    def __init__(self, value, next=None):
        self.value, self.next = value, next

    def __iter__(self):
        node = self
        while node:
            yield node.value
            node = node.next


def reverse(node):
    before = None
    while node:
        node.next, before, node = before, node, node.next
    return before


def execute_command(image):
    head = None
    for patch in image.find("bead"):
        head = Node(round(patch.right), head)
    values = list(head)
    return values, list(reverse(head))
# ---
class Tree:
    def __init__(self):
        self.root = None

    def add(self, value):
        if self.root is None:
            self.root = [value, None, None]
            return
        node = self.root
        while True:
            side = 1 if value < node[0] else 2
            if node[side] is None:
                node[side] = [value, None, None]
                return
            node = node[side]

    def walk(self, node="root"):
        if node == "root":
            node = self.root
        if node is not None:
            yield from self.walk(node[1])
            yield node[0]
            yield from self.walk(node[2])

    def height(self, node):
        return 0 if node is None else 1 + max(self.height(node[1]), self.height(node[2]))


def execute_command(image):
    tree = Tree()
    for n in [50, 30, 70, 20, 40, 60, 80, 65, 10]:
        tree.add(n)
    return list(tree.walk()), tree.height(tree.root)
# ---
def mandelbrot(width, height, limit=20):
    rows = []
    for row in range(height):
        line = ""
        for column in range(width):
            c = complex(3 * column / width - 2.2, 2.4 * row / height - 1.2)
            z, steps = 0j, 0
            while abs(z) <= 2 and steps < limit:
                z = z * z + c
                steps += 1
            line += " .:-=+*#%@"[steps * 9 // limit]
        rows.append(line)
    return rows


def execute_command(image):
    return "\n".join(mandelbrot(40, 16))
# ---
def linear_congruential(seed):
    while True:
        seed = (1664525 * seed + 1013904223) % 2**32
        yield seed


def execute_command(image):
    numbers = linear_congruential(int(image.height))
    drawn = [next(numbers) % 100 for _ in range(50)]
    return [len(set(drawn)), sum(drawn), drawn[:10]]
# ---
def scores(patch):
    """Weigh several hints against each other."""
    yield 2 if patch.verify_property("bus", "red") else 0
    yield 1 if patch.horizontal_center < 50 else 0
    yield -1 if patch.exists("unicorn") else 0
    yield 1 / (1 + patch.compute_depth())


def execute_command(image):
    rated = [(sum(scores(patch)), -number, patch) for number, patch in enumerate(image.find("bus"))]
    best_score, _, best_patch = max(rated)
    return best_score, best_patch
