def execute_command(image):
    inventory = {"apples": 3, "pears": 0, "plums": 7}
    inventory["figs"] = len(image.find("fig"))
    inventory.pop("pears")
    inventory.update(apples=5, kiwis=1)
    return [[name, count] for name, count in inventory.items()]


# ---
def execute_command(image):
    a, b = {1, 2, 3, 4}, {3, 4, 5}
    return [sorted(a & b), sorted(a | b), sorted(a - b), sorted(a ^ b), a <= {1, 2, 3, 4, 5}, a.isdisjoint({9})]


# ---
def execute_command(image):
    colors = {patch.simple_query("What color is this?") for patch in image.find("sock")}
    return "all the same" if len(colors) == 1 else "different"


# ---
def execute_command(image):
    defaults = {"color": "blue", "size": 1}
    given = {"size": 2, "shape": "round"}
    merged = defaults | given
    also = {**given, **defaults}
    return [list(merged), list(merged.values()), list(also), list(also.values()), merged.keys() == also.keys()]


# ---
def execute_command(image):
    ages = {"Ann": 30, "Bob": 25, "Cid": 30}
    by_age = {}
    for name, age in ages.items():
        by_age.setdefault(age, []).append(name)
    swapped = {age: name for name, age in ages.items()}
    return [[age, names] for age, names in sorted(by_age.items())], swapped[30], ages.get("Dee", -1)


# ---
def execute_command(image):
    seen = set()
    unique = []
    for word in "the cat saw the dog and the dog saw a cat".split():
        if word not in seen:
            seen.add(word)
            unique.append(word)
    return unique, list(dict.fromkeys("mississippi")), len(frozenset([frozenset(), frozenset()]))


# ---
class Missing(dict):
    def __missing__(self, key):
        value = self[key] = len(key)
        return value


def execute_command(image):
    lengths = Missing(red=-1)
    total = lengths["red"] + lengths["green"] + lengths["green"]
    return [total, len(lengths), lengths.get("blue") is None, list(lengths)]


# ---
def execute_command(image):
    # Patches can be keys.
    names = {}
    for name in ("sun", "moon"):
        for patch in image.find(name)[:2]:
            names[patch] = name
    return ["+".join(names.values()), len(names), list(names)[0], image in names]


# ---
def execute_command(image):
    stack = {"a": 1}
    problems = []
    try:
        for key in stack:
            stack[key + "b"] = 2
    except RuntimeError as error:
        problems.append(str(error))
    try:
        del stack["zzz"]
    except KeyError as error:
        problems.append(repr(error))
    last = stack.popitem()
    return problems, last, stack.pop("nothing", "default"), list(reversed({"x": 1, "y": 2}))


# ---
def execute_command(image):
    graph = {"a": {"b", "c"}, "b": {"d"}, "c": {"d"}, "d": set()}
    order, done = [], set()

    def visit(node):
        if node in done:
            return
        done.add(node)
        for following in sorted(graph[node]):
            visit(following)
        order.append(node)

    for node in graph:
        visit(node)
    return order[::-1]


# ---
def execute_command(image):
    same = {1: "int", 1.0: "float", True: "bool"}
    mixed = {"1": "text", 1: "number", (1,): "tuple", frozenset({1}): "set"}
    return [len(same), same[1], list(same) == [1], mixed[(1,)], mixed[frozenset([1])], 1 in mixed, "1" in mixed]
