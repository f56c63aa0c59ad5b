def execute_command(image):
    return [p for p in image.find("grape") if p.left > 10 if p.right < 90]


# ---
def execute_command(image):
    return [[row * column for column in range(1, 5)] for row in range(1, 5)]


# ---
def execute_command(image):
    names = ["cat", "unicorn", "dog"]
    exists = {name: image.exists(name) for name in names}
    return [name for name in exists if exists[name]], {len(n) for n in names} == {3, 7}


# ---
def execute_command(image):
    rows = [[1, 2, 3], [4, 5, 6]]
    return [[row[i] for row in rows] for i in range(3)], [list(t) for t in zip(*rows)], [x for row in rows for x in row]


# ---
def execute_command(image):
    triples = [(a, b, c) for c in range(1, 30) for b in range(1, c) for a in range(1, b) if a * a + b * b == c * c]
    return triples


# ---
def execute_command(image):
    # The variable of a comprehension is its own.
    x = "outer"
    squares = [x * x for x in range(4)]
    functions = [lambda n=n: n * 10 for n in range(3)]
    late = [lambda: n for n in range(3)]
    return [x, squares, [f() for f in functions], [f() for f in late]]


# ---
def execute_command(image):
    labels = ["big" if p.width > 30 else "small" for p in [*image.find("dot"), image.crop(0, 0, 9, 9)]]
    return sum(1 for label in labels if label == "big"), max((p.left for p in image.find("unicorn")), default="none")


# ---
def execute_command(image):
    text = "level noon hello"
    palindromes = {word for word in text.split() if word == word[::-1]}
    positions = {letter: [i for i, other in enumerate(text) if other == letter] for letter in sorted(set(text) - {" "})}
    return sorted(palindromes), [[k, v] for k, v in positions.items() if len(v) > 2]


# ---
def execute_command(image):
    data = ["3", "x", "-4", "5.5", ""]
    numbers = [n for text in data if (n := text.lstrip("-")).isdigit()]
    last = [y := 1, y**2, y + 5]
    return numbers, last, [total := 0] + [total := total + v for v in range(5)], total
