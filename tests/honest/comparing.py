def execute_command(image):
    # Are there more dogs than unicorns?
    return bool_to_yesno(len(image.find("dog")) > len(image.find("unicorn")))


# ---
def execute_command(image):
    left_half = image.crop(0, 0, 50, 80)
    right_half = image.crop(50, 0, 100, 80)
    dogs_left = len(left_half.find("dog"))
    dogs_right = len(right_half.find("dog"))
    if dogs_left > dogs_right:
        return "left"
    elif dogs_left < dogs_right:
        return "right"
    else:
        return "equal"


# ---
def execute_command(image):
    # Is the cup to the left of the plate?
    cup_patch = image.find("cup")[0]
    plate_patch = image.find("plate")[-1]
    return cup_patch.horizontal_center < plate_patch.horizontal_center


# ---
def execute_command(image):
    # Do the first and the last flower have the same color?
    flowers = image.find("flower")
    first_color = flowers[0].simple_query("What color is the flower?")
    last_color = flowers[-1].simple_query("What color is the flower?")
    return bool_to_yesno(first_color.lower().strip() == last_color.lower().strip())


# ---
def compare(a, b):
    return (a > b) - (a < b)


def execute_command(image):
    patches = image.find("bottle")
    return [compare(first.width, second.width) for first in patches for second in patches if first is not second]


# ---
def execute_command(image):
    left, middle, right = image.find("child")
    return left.right <= middle.left < middle.right <= right.left


# ---
def execute_command(image):
    # Which object appears most often?
    names = ["unicorn", "spoon", "knife"]
    best_name = None
    best_count = -1
    for name in names:
        count = len(image.find(name))
        if count > best_count:
            best_name, best_count = name, count
    return best_name


# ---
def execute_command(image):
    boat, *other_boats = image.find("boat")
    same = [other == boat for other in other_boats]
    itself = [boat == boat, boat is ImagePatch(boat), boat in other_boats]
    return same + itself


# ---
def execute_command(image):
    # Is everything on the table the same color as the table?
    table_color = image.simple_query("What color is the table?")
    return all(item.simple_query("What color is this?") == table_color for item in image.find("item"))


# ---
def execute_command(image):
    a = image.find("lamp")[1]
    b = image.find("lamp")[1]
    values = (a.left, a.lower, a.right, a.upper) == (b.left, b.lower, b.right, b.upper)
    return {True: "same place", False: "different place"}[values and not a == b]
