def execute_command(image):
    return f"{image.width} x {image.height} is {image.width / image.height:.3f} to 1"


# ---
def execute_command(image):
    value = 1234567.891
    return [f"{value:,.2f}", f"{value:e}", f"{value:012.1f}", f"{value:>+15.1f}", f"{value:g}", f"{0.256:.1%}"]


# ---
def execute_command(image):
    return ["%d items" % 3, "%05.2f|%-6s|%6s" % (3.14159, "ab", "cd"), "%x %o %e" % (255, 8, 12345.678), "100%%" % ()]


# ---
def execute_command(image):
    template = "{0} is {color}, {0!r} has {patch.width:.1f} pixels and {sizes[1]}"
    return template.format("cup", color="red", patch=image.find("cup")[0], sizes=[1, 2, 3])


# ---
def table(rows):
    widths = [max(len(str(cell)) for cell in column) for column in zip(*rows)]
    lines = [" | ".join(f"{cell!s:^{width}}" for cell, width in zip(row, widths)) for row in rows]
    return "\n".join(lines)


def execute_command(image):
    rows = [("name", "left", "color")]
    for number, patch in enumerate(image.find("flag")):
        rows.append((f"flag {number}", round(patch.left, 1), patch.simple_query("color")))
    return table(rows)


# ---
def execute_command(image):
    n = 202
    return [f"{n:b}", f"{n:#x}", f"{n:08b}", f"{n:_}", f"{10**12:_d}", f"{n:c}", f"{-n:=+8d}", f"{n:*^9}"]


# ---
def execute_command(image):
    name, count = "star", 3
    return [
        f"{name=} {count = }",
        f"{{literal}} {name!r:>8}",
        f"{'nested ' + name}",
        f"{count:>{count * 2}}",
        f"{name:.2}",
    ]


# ---
from string import Template


def execute_command(image):
    template = Template("The $thing costs $$${price} in ${place}")
    full = template.substitute(thing="hat", price=20, place="Rome")
    partly = template.safe_substitute(thing="hat")
    try:
        template.substitute(thing="hat")
    except KeyError as error:
        missing = error.args[0]
    return [full, partly, missing]


# ---
import string


class Polite(string.Formatter):
    def get_value(self, key, args, kwargs):
        return kwargs.get(key, f"<{key}>") if isinstance(key, str) else super().get_value(key, args, kwargs)

    def convert_field(self, value, conversion):
        return value.upper() if conversion == "u" else super().convert_field(value, conversion)


def execute_command(image):
    return (
        Polite().format("{0} {color!u} {shape}", "a", color="red"),
        string.ascii_letters[24:28],
        string.capwords("a b-c d"),
    )


# ---
class Angle:
    def __init__(self, degrees):
        self.degrees = degrees

    def __format__(self, spec):
        if spec.endswith("rad"):
            return format(self.degrees * 3.141592653589793 / 180, spec[:-3] or ".3f")
        return format(self.degrees, spec) + "°"


def execute_command(image):
    angle = Angle(60)
    return [f"{angle}", f"{angle:rad}", f"{angle:.1frad}", "{:>5}".format(angle), format(angle, ".2f")]


# ---
def execute_command(image):
    floats = [0.1, 1e16, 1e-5, 123456789012345680.0, 5e-324, 1.0, -0.0, 2.5e22, 1 / 3, 1e15]
    return [repr(x) for x in floats] + [str(complex(1, -2)), str([1.0, "a", None, True]), str({"k": (1,)})]
