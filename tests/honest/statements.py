def execute_command(image):
    patch_count = 0
    while patch_count < 10:
        patch_count += len(image.find("leaf"))
        if patch_count % 2 == 0:
            continue
        if patch_count > 7:
            break
    else:
        return "never broke"
    return patch_count
# ---
def execute_command(image):
    x = 5
    chain = [1 < x < 10, 1 < x > 3, 1 == 1.0 == True, x in [5] == True, not x == 4, 3 > 2 > 1 < 5, "a" < "b" <= "b" != "c"]
    return chain
# ---
def execute_command(image):
    if (count := len(image.find("door"))) > 2:
        print(f"found {count} doors")
    if any((color := patch.simple_query("color?")) == "red" for patch in image.find("door")):
        return f"{color} {count}"
    return "none"
# ---
def execute_command(image):
    a = b = [1]
    a += [2]
    c = a
    a = a + [3]
    c.append(4)
    del b[0]
    i = 0
    i, a[i] = 1, "changed"
    return [a, b, c, b is c]
# ---
def execute_command(image):
    for i in range(3):
        for j in range(3):
            if i * j == 2:
                found = (i, j)
                break
        else:
            continue
        break
    del j
    try:
        j
    except NameError as error:
        return [*found, i, type(error).__name__]
# ---
def execute_command(image):
    assert image.width > image.height, "a wide picture was expected"
    try:
        assert image.exists("unicorn"), ("no", "unicorn")
    except AssertionError as error:
        return list(error.args[0])
# ---
def execute_command(image):
    """Return early, return late, or not at all: here in a nested conditional expression."""
    n = len(image.find("egg"))
    size = "none" if n == 0 else "one" if n == 1 else "a few" if n < 5 else "many"
    word = n and size or "nothing"
    fallback = [] or {} or 0 or "" or "last"
    return size, word, fallback, (0 and 1 / 0), (1 or 1 / 0)
# ---
def nothing():
    ...


def execute_command(image):
    pass
    lines = """first
    second \
third""".splitlines()
    raw = r"\d\n", "\x41\101\u0041", 'it''s', "a" "b"
    return [lines, list(raw), nothing() is None, Ellipsis is ..., 1_000, 0xFF, 1e3, .5, 5.]
# ---
def execute_command(image):
    order = []

    def note(value):
        order.append(value)
        return value

    note(1) + note(2) * note(3)
    {note("k1"): note("v1"), note("k2"): note("v2")}
    [note("a"), note("b")][note(0)]
    note(5) < note(4) < note(99)
    note(0) or note("right") and note("end")
    return [str(value) for value in order]
# ---
def execute_command(image):
    n = 10
    total = 0
    n -= 3; n *= 2; n //= 3; n **= 3; n %= 50; n <<= 2; n |= 1; n ^= 6; n &= 0xFFF; n >>= 1
    for i in range(10, 0, -3): total += i
    for i, (a, *b) in enumerate([(1, 2, 3), "xyz"], start=1): total += len(b) * i
    else: total += 1000
    return n, total, i, a, b
# ---
def state_machine(commands):
    state, position = "stopped", 0
    history = []
    for command in commands:
        if state == "stopped" and command == "start":
            state = "running"
        elif state == "running":
            if command == "stop":
                state = "stopped"
            elif command.isdigit():
                position += int(command)
            elif command == "back":
                position = max(0, position - 5)
        history.append((state, position))
    return history


def execute_command(image):
    return state_machine("3 start 4 back 7 stop 9 start 1".split())
