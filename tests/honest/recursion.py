def factorial(n):
    return 1 if n < 2 else n * factorial(n - 1)


def execute_command(image):
    return factorial(200)


# ---
def depth_down(n):
    if n == 0:
        return 0
    return 1 + depth_down(n - 1)


def execute_command(image):
    return depth_down(500)


# ---
def hanoi(n, source="A", target="C", spare="B"):
    if n == 0:
        return []
    return hanoi(n - 1, source, spare, target) + [source + target] + hanoi(n - 1, spare, target, source)


def execute_command(image):
    moves = hanoi(7)
    return len(moves), " ".join(moves[:12])


# ---
def search(patch, name, level):
    """Look for the object in ever smaller parts of the picture."""
    if level == 0 or patch.width < 4:
        return [patch]
    found = []
    for part in patch.find(name):
        found.extend(search(part, name, level - 1))
    return found


def execute_command(image):
    leaves = search(image, "brick", 3)
    return [len(leaves), round(leaves[0].width, 6), leaves[-1]]


# ---
def permutations(items):
    if len(items) <= 1:
        return [items]
    result = []
    for i, item in enumerate(items):
        for rest in permutations(items[:i] + items[i + 1 :]):
            result.append(item + rest)
    return result


def execute_command(image):
    return permutations("abcd")


# ---
def is_even(n):
    return True if n == 0 else is_odd(n - 1)


def is_odd(n):
    return False if n == 0 else is_even(n - 1)


def execute_command(image):
    return [is_even(100), is_odd(201), is_even(333)]


# ---
def flatten(tree):
    for branch in tree:
        if isinstance(branch, (list, tuple)):
            yield from flatten(branch)
        else:
            yield branch


def execute_command(image):
    tree = [1, [2, (3, [4, [5, []]]), 6], [[[[7]]]]]
    return list(flatten(tree))


# ---
def ackermann(m, n):
    if m == 0:
        return n + 1
    if n == 0:
        return ackermann(m - 1, 1)
    return ackermann(m - 1, ackermann(m, n - 1))


def execute_command(image):
    return [[ackermann(m, n) for n in range(4)] for m in range(3)]


# ---
def solve(size, row=0, columns=(), rising=(), falling=()):
    if row == size:
        return 1
    return sum(
        solve(size, row + 1, (*columns, c), (*rising, c + row), (*falling, c - row))
        for c in range(size)
        if c not in columns and c + row not in rising and c - row not in falling
    )


def execute_command(image):
    return [solve(n) for n in range(1, 7)]


# ---
def halve(patch, goal):
    # Binary search for the smallest part that still has the object
    if patch.width <= goal:
        return patch
    left = patch.crop(patch.left, patch.lower, patch.horizontal_center, patch.upper)
    right = patch.crop(patch.horizontal_center, patch.lower, patch.right, patch.upper)
    return halve(right if right.exists("needle") else left, goal)


def execute_command(image):
    return halve(image, 5)
