def execute_command(image):
    # There is no unicorn, so there is no first one.
    unicorn = image.find("unicorn")[0]
    return unicorn.simple_query("What color is the unicorn?")


# ---
def execute_command(image):
    ages = {"cat": 3, "dog": 5}
    return ages[image.simple_query("Which animal is this?")]


# ---
def execute_command(image):
    # Average depth of the unicorns
    depths = [patch.compute_depth() for patch in image.find("unicorn")]
    return sum(depths) / len(depths)


# ---
def execute_command(image):
    best = best_image_match(image.find("unicorn"), ["white unicorn"])
    return best.simple_query("Is it white?")


# ---
class NothingFound(Exception):
    pass


def execute_command(image):
    if not image.exists("unicorn"):
        raise NothingFound("no unicorn in the picture")
    return "found"


# ---
def execute_command(image):
    return "the answer is " + len(image.find("car"))


# ---
def execute_command(image):
    return int(image.simple_query("How many cars are there?"))


# ---
def execute_command(image):
    return image.count("car")


# ---
def execute_command(image):
    number_of_dogs = len(image.find("dog"))
    return number_of_dogs + number_of_cats


# ---
def execute_command(image):
    first, second = image.find("twin")
    return first.left < second.left


# ---
def execute_command(image):
    assert image.exists("unicorn"), "expected a unicorn"
    return "yes"


# ---
def check(depth):
    if depth > 2:
        raise ValueError("too far", depth)
    return depth


def execute_command(image):
    try:
        return check(image.compute_depth())
    finally:
        image.exists("cat")


# ---
def execute_command(image):
    # The leftmost unicorn
    return min(image.find("unicorn"), key=lambda patch: patch.left)


# ---
def execute_command(image):
    return image.crop(60, 0, 40, 80)


# ---
def execute_command(image):
    patches = image.find("coin")
    patches.sort()
    return patches[0]


# ---
class Shape:
    def area(self):
        raise NotImplementedError(f"{type(self).__name__}.area")


class Blob(Shape):
    pass


def execute_command(image):
    return Blob().area()


# ---
def execute_command(image):
    numbers = iter([1, 2])
    return [next(numbers), next(numbers), next(numbers)]


# ---
def execute_command(image):
    return coerce_to_numeric(image.simple_query("How tall is the tower?")) * 2


# ---
def execute_command(image):
    if image.exists("unicorn"):
        place = "forest"
    return place.upper()


# ---
class ConfigurationError(RuntimeError):
    def __init__(self, name, value):
        super().__init__(f"{name} may not be {value!r}")
        self.name = name


SETTINGS = {"threshold": -1}


def execute_command(image):
    for name, value in SETTINGS.items():
        try:
            if value < 0:
                raise ValueError(value)
        except ValueError as error:
            raise ConfigurationError(name, value) from error
    return "fine"


# ---
import math


def execute_command(image):
    return math.sqrt(image.find("kite")[0].left - image.find("kite")[1].left)


# ---
def depth_of(n):
    return 1 + depth_of(n - 1)


def execute_command(image):
    # Forgot the base case: dictionary access ends it.
    table = {n: n * n for n in range(5)}

    def walk(n):
        return table[n] + walk(n + 1)

    return walk(0)


# ---
def execute_command(image):
    left_of_all = image.crop_left_of_bbox(0, 0, 10, 10)
    return left_of_all.simple_query("What is here?")


# ---
def execute_command(image):
    coordinates = (1, 2, 3)
    coordinates[0] = image.left
    return coordinates


# ---
def execute_command(image, color):
    return image.verify_property("cup", color)
