def execute_command(image):
    s = "abcdefgh"
    return [s[2:5], s[:3], s[-3:], s[::2], s[::-1], s[6:2:-2], s[10:], s[-100:2], s[5:1], s[:-1][1:]]
# ---
def execute_command(image):
    numbers = list(range(10))
    numbers[2:5] = ["a", "b"]
    numbers[-1:] = []
    numbers[::4] = [0.5, 0.5, 0.5][: len(numbers[::4])]
    del numbers[1]
    numbers[1:1] = [True]
    return numbers
# ---
def execute_command(image):
    # Every other patch, then the last two
    patches = image.find("peg") + image.find("hole")
    return [patches[::2], patches[-2:], patches[5:4], patches[:0]]
# ---
def execute_command(image):
    cut = slice(1, None, 3)
    values = tuple("hello world")
    return ["".join(values[cut]), list(cut.indices(5)), "hello"[cut], list(range(20)[cut]), bytes(range(8))[cut].hex()]
# ---
def rotate(items, by):
    by %= len(items)
    return items[-by:] + items[:-by]


def execute_command(image):
    return [rotate([1, 2, 3, 4, 5], k) for k in (0, 1, 7, -1)] + [rotate("star", 2)]
# ---
def chunks(sequence, size):
    return [sequence[i : i + size] for i in range(0, len(sequence), size)]


def execute_command(image):
    errors = []
    try:
        [1, 2, 3][::0]
    except ValueError as error:
        errors.append(str(error))
    try:
        letters = list("abcd")
        letters[::2] = "x"
    except ValueError as error:
        errors.append(str(error))
    return chunks("abcdefg", 3), chunks([1, 2, 3, 4], 2), errors
# ---
def spiral(rows):
    result = []
    while rows:
        result += rows[0]
        rows = list(zip(*rows[1:]))[::-1]
    return result


def execute_command(image):
    return spiral([[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]])
