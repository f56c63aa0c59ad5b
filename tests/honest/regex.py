import re


def execute_command(image):
    text = "3 cups, 12 plates and 1 fork"
    return [int(n) for n in re.findall(r"\d+", text)]


# ---
import re


def execute_command(image):
    match = re.match(r"(?P<color>\w+) (?P<thing>\w+)", image.simple_query("What is it?") + " bicycle")
    return match.group("color"), match["thing"], match.span(2), match.groupdict()["thing"].title()


# ---
import re


def execute_command(image):
    answer = "The Red, red  and RED\tballoon."
    words = re.split(r"\W+", answer.lower())
    without = re.sub(r"\bred\b", "blue", answer, flags=re.IGNORECASE)
    return [word for word in words if word], without, re.subn("e", "3", answer)


# ---
import re

DATE = re.compile(
    r"""
    (\d{4})   # year
    [-/.]
    (\d{1,2}) # month
    [-/.]
    (\d{1,2}) # day
""",
    re.VERBOSE,
)


def execute_command(image):
    found = DATE.findall("from 2021-3-4 to 2021/12/31, not 21.1.1")
    return [tuple(map(int, date)) for date in found]


# ---
import re


def snake_case(name):
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()


def execute_command(image):
    return [snake_case(n) for n in ("verticalCenter", "HTTPResponseCode", "simple", "ImagePatch2D")]


# ---
import re


def tokens(text):
    kinds = [("NUMBER", r"\d+(?:\.\d*)?"), ("NAME", r"[A-Za-z_]\w*"), ("OPERATOR", r"[-+*/=()]"), ("SKIP", r"\s+")]
    pattern = re.compile("|".join(f"(?P<{kind}>{regex})" for kind, regex in kinds))
    position = 0
    while position < len(text):
        match = pattern.match(text, position)
        if not match:
            raise SyntaxError(f"unexpected {text[position]!r} at {position}")
        if match.lastgroup != "SKIP":
            yield match.lastgroup, match.group()
        position = match.end()


def execute_command(image):
    good = list(tokens("area = width * (height - 2.5)"))
    try:
        list(tokens("a $ b"))
    except SyntaxError as error:
        return good, error.msg


# ---
import re


def execute_command(image):
    checks = {
        "lookahead": re.findall(r"\w+(?=!)", "stop! go stay!"),
        "lookbehind": re.findall(r"(?<=#)\w+", "#one two #three"),
        "lazy": re.findall(r"<.+?>", "<a><b>"),
        "greedy": re.findall(r"<.+>", "<a><b>"),
        "backreference": re.findall(r"(\w)\1", "bookkeeper"),
        "unicode": re.findall(r"\w+", "naïve café 東京"),
        "ascii": re.findall(r"\w+", "naïve", re.ASCII),
        "possessive": re.findall(r"a++b", "aaab ab b"),
    }
    return [[name, found] for name, found in checks.items()]


# ---
import re


def execute_command(image):
    try:
        re.compile("(unclosed")
    except re.error as problem:
        return [problem.msg, problem.pos, str(problem)]


# ---
import re


def execute_command(image):
    def price(match):
        return f"{float(match[1]) * 1.2:.2f} with tax"

    text = re.sub(r"(\d+\.\d\d)", price, "tea 2.00, cake 3.50")
    starts = [m.start() for m in re.finditer("a", text)]
    return text, starts, re.fullmatch(r"[a-z ]+", text) is None, re.escape("1+1=2?")


# ---
import re


def execute_command(image):
    options = ["a red car", "two red cars", "reddish"]
    chosen = [option for option in options if re.search(rf"\b{image.simple_query('color?')}\b", option)]
    lines = re.findall(r"^\w+$", "one\ntwo words\nthree", re.MULTILINE)
    dots = re.search("a.b", "a\nb", re.DOTALL) is not None
    return chosen, lines, dots
