def execute_command(image):
    match image.simple_query("What color is the light?"):
        case "green":
            return "go"
        case "yellow" | "amber":
            return "slow down"
        case "red":
            return "stop"
        case _:
            return "unknown"
# ---
def describe(value):
    match value:
        case []:
            return "empty"
        case [x]:
            return f"one: {x}"
        case [x, y]:
            return f"two: {x} {y}"
        case [first, *_, last]:
            return f"from {first} to {last}"
        case _:
            return "no list"


def execute_command(image):
    lefts = [round(p.left) for p in image.find("post")]
    return [describe(v) for v in ([], lefts[:1], lefts[:2], lefts, (5, 6), "text", {1: 2})]
# ---
class Point:
    __match_args__ = ("x", "y")

    def __init__(self, x, y):
        self.x, self.y = x, y


def where(point):
    match point:
        case Point(0, 0):
            return "origin"
        case Point(x, 0):
            return f"on the x axis at {x}"
        case Point(x=0, y=y):
            return f"on the y axis at {y}"
        case Point(x, y) if x == y:
            return "on the diagonal"
        case Point():
            return "elsewhere"
        case _:
            return "no point"


def execute_command(image):
    return [where(p) for p in (Point(0, 0), Point(3, 0), Point(0, 4), Point(5, 5), Point(1, 2), (0, 0))]
# ---
def run(action):
    match action:
        case {"do": "count", "what": str(what), **rest} if not rest:
            return f"count {what}"
        case {"do": "crop", "box": [left, _, right, _]}:
            return f"crop {left}-{right}"
        case {"do": ("ask" | "query") as verb}:
            return verb
        case {}:
            return "?"


def execute_command(image):
    actions = [
        {"do": "count", "what": "cats"}, {"do": "count", "what": "cats", "fast": True}, {"do": "query", "text": "x"},
        {"do": "crop", "box": (1, 2, 3, 4)}, {}, {"do": "count", "what": 3},
    ]
    return [run(action) for action in actions]
# ---
def kind(value):
    match value:
        case bool():
            return "bool"
        case int(n) if n < 0:
            return f"negative {abs(n)}"
        case int() | float():
            return "number"
        case str() as text:
            return f"text of {len(text)}"
        case None:
            return "nothing"
        case [int(), [str(), *_]]:
            return "nested"
        case list() | tuple():
            return "sequence"
    return "other"


def execute_command(image):
    return [kind(v) for v in (True, -3, 3, 2.5, "abc", None, [1, ["a", 2]], (1, 2), {1}, image)]
# ---
def evaluate(tree):
    match tree:
        case int() | float():
            return tree
        case ("+", a, b):
            return evaluate(a) + evaluate(b)
        case ("*", a, b):
            return evaluate(a) * evaluate(b)
        case ("-", a):
            return -evaluate(a)
        case (operator, *_):
            raise ValueError(f"no operator {operator}")


def execute_command(image):
    value = evaluate(("+", 2, ("*", ("-", 3), ("+", image.width, 0.5))))
    try:
        evaluate(("/", 1, 2))
    except ValueError as error:
        return value, str(error)
# ---
def execute_command(image):
    match image:
        case ImagePatch(width=w, height=h) if w > h:
            shape = f"wide {w}"
        case ImagePatch():
            shape = "tall"
    match image.find("ship"):
        case [first, *others]:
            return [shape, first, len(others)]
        case []:
            return "none"
# ---
class Level:
    LOW = 1
    HIGH = 3


def execute_command(image):
    results = []
    for count in (len(image.find("unicorn")), 1, len(image.find("horse"))):
        match count:
            case Level.LOW:
                results.append("low")
            case Level.HIGH:
                results.append("high")
            case other:
                results.append(f"other {other}")
    return results
