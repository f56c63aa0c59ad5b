def total(*numbers, start=0, **named):
    return start + sum(numbers) + sum(named.values())


def execute_command(image):
    extra = {"a": 10, "b": 20}
    return [total(), total(1, 2, 3), total(*range(5), start=100), total(1, **extra), total(*[1], *(2,), **extra, c=1)]
# ---
def execute_command(image):
    first, *middle, last = image.find("bead") + [image]
    (a, b), c, *rest = (1, 2), 3
    x, y = y, x = 1, 2
    return [first, len(middle), last is image, a + b + c, rest, x, y]
# ---
def only(a, b, /, c, *, d=4):
    return f"{a}{b}{c}{d}"


def execute_command(image):
    results = [only(1, 2, 3), only(1, 2, c=5, d=6)]
    for args, kwargs in (((1,), {"b": 2, "c": 3}), ((1, 2, 3, 4), {}), ((1, 2), {}), ((1, 2, 3), {"e": 1})):
        try:
            results.append(only(*args, **kwargs))
        except TypeError as error:
            results.append(str(error))
    return results
# ---
def remember(item, memory=[]):
    memory.append(item)
    return list(memory)


def execute_command(image):
    return remember(1), remember(2), remember(3, []), remember(4), len(remember.__defaults__[0])
# ---
def execute_command(image, names=("cat", "unicorn"), *, default="none"):
    counts = [len(image.find(name)) or default for name in names]
    return counts
# ---
def box(patch):
    return patch.left, patch.lower, patch.right, patch.upper


def execute_command(image):
    middle = image.find("curtain")[1]
    above = image.crop_above_bbox(*box(image.crop(0, 0, 100, 55)))
    left = image.crop_left_of_bbox(**dict(zip(("left", "lower", "right", "upper"), box(middle))))
    return above, left, middle.overlaps_with(*box(left))
# ---
def outer(*args, **kwargs):
    def inner(a, b="b", *more, c="c", **others):
        return [a, b, "".join(more), c, ",".join(others)]

    return inner(*args, **kwargs)


def execute_command(image):
    return [outer(1), outer(1, 2, "3", "4"), outer(a="x", z=1, y=2), outer("p", c="q", b="r")]
# ---
def signature(function):
    code = function.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return list(names), list(function.__defaults__ or ()), sorted((function.__kwdefaults__ or {}).items())


def execute_command(image):
    def sample(a, b=1, *args, c, d=2, **kwargs):
        hidden = a
        return hidden

    return signature(sample)
# ---
def annotated(name: str, sizes: list[int] | None = None, *, scale: float = 1.0) -> dict[str, float]:
    """Type hints change nothing."""
    result: dict[str, float] = {name: scale * sum(sizes or [])}
    return result


def execute_command(image: ImagePatch) -> list:
    hints = annotated.__annotations__
    count: int
    count = len(hints)
    return [annotated("a", [1, 2], scale=1.5)["a"], count, list(hints), hints["name"] is str, str(hints["sizes"])]
