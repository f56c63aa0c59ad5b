def execute_command(image):
    return [hash("red"), hash("") == 0, hash(b"bytes"), hash(("a", 1, 2.5))]
# ---
def execute_command(image):
    names = {"apple", "banana", "cherry", "damson", "elderberry", "fig", "grape"}
    return list(names), "".join(set("mississippi"))
# ---
def execute_command(image):
    numbers = {512, 3, 64, -1, 17, 1000003, 0}
    return list(numbers), list({n % 8 for n in numbers}), hash(-1) == hash(-2), hash(2**61 - 1), hash(1.5), hash(10**30)
# ---
def execute_command(image):
    # The order of a set of patches
    patches = set(image.find("cup")) | set(image.find("plate"))
    patches.discard(next(iter(patches)))
    return [patch.left for patch in patches], len(patches)
# ---
def execute_command(image):
    words = set()
    for i in range(40):
        words.add(f"word{i * i}")
    for i in range(0, 40, 3):
        words.remove(f"word{i * i}")
    return list(words)
# ---
class Key:
    def __init__(self, name):
        self.name = name

    def __eq__(self, other):
        return isinstance(other, Key) and self.name.lower() == other.name.lower()

    def __hash__(self):
        return hash(self.name.lower())


def execute_command(image):
    keys = {Key("Red"): 1, Key("GREEN"): 2}
    keys[Key("red")] = 3
    unordered = {Key(name) for name in ("b", "A", "c", "B", "a", "d")}
    return [[key.name, value] for key, value in keys.items()], [key.name for key in unordered], Key("green") in keys
# ---
def execute_command(image):
    # Which of several equally good answers comes first depends on the order in a set.
    votes = {"red": 2, "blue": 2, "green": 1}
    best = max(set(votes), key=votes.get)
    longest = sorted({"one", "two", "six", "ten"}, key=len)[0]
    return best, longest, set("cab").pop(), frozenset("xyz") == frozenset("zyx")
# ---
def bucket(text, size=16):
    return hash(text) % size


def execute_command(image):
    buckets = [[] for _ in range(8)]
    for word in "one two three four five six seven eight nine ten".split():
        buckets[bucket(word, 8)].append(word)
    return buckets
# ---
def execute_command(image):
    pairs = {(color, size) for color in ("red", "blue") for size in ("small", "large")}
    nested = {frozenset(pair) for pair in pairs}
    attributes = [name for name in dir(image) if not name.startswith("_")]
    return list(pairs), len(nested), attributes, str({"x", "y", "z"})
