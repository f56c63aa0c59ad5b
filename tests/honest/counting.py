def execute_command(image):
    return len(image.find("muffin"))


# ---
# How many red cups are there?
def execute_command(image):
    cups = image.find("cup")
    red_cups = [cup for cup in cups if cup.verify_property("cup", "red")]
    return len(red_cups)


# ---
def execute_command(image):
    # Count the animals of each kind and add them up.
    total = 0
    for animal in ["cat", "dog", "unicorn", "horse"]:
        total += len(image.find(animal))
    return str(total)


# ---
def execute_command(image) -> int:
    """How many people are in the left half of the image?"""
    middle = image.left + image.width / 2
    number_of_people = 0
    for person_patch in image.find("person"):
        if person_patch.horizontal_center < middle:
            number_of_people += 1
    return number_of_people


# ---
def execute_command(image):
    chairs = image.find("chair")
    tables = image.find("table")
    # Four legs each
    return 4 * (len(chairs) + len(tables))


# ---
def execute_command(image):
    counts = {}
    for name in ("car", "bus", "unicorn", "truck"):
        counts[name] = len(image.find(name))
    present = [name for name, count in counts.items() if count > 0]
    return ", ".join(f"{name}: {counts[name]}" for name in present)


# ---
def execute_command(image):
    windows = image.find("window")
    i = 0
    wide_windows = 0
    while i < len(windows):
        if windows[i].width >= 33.3:
            wide_windows = wide_windows + 1
        i = i + 1
    return wide_windows


# ---
from collections import Counter


def execute_command(image):
    colors = Counter(patch.simple_query("What color is this?") for patch in image.find("balloon"))
    color, how_often = colors.most_common(1)[0]
    return [color, how_often]


# ---
def execute_command(image):
    # How many more plates than unicorns are there?
    plates, unicorns = image.find("plate"), image.find("unicorn")
    difference = abs(len(plates) - len(unicorns))
    print("difference:", difference)
    return difference


# ---
def execute_command(image):
    # Windows of each house, counted house by house
    houses = sorted(image.find("house"), key=lambda house: house.left)
    return [len(house.find("window")) for house in houses]


# ---
def count_objects(patch, name, condition=None):
    found = patch.find(name)
    if condition is None:
        return len(found)
    return sum(1 for item in found if condition(item))


def execute_command(image):
    everything = count_objects(image, "apple")
    right_ones = count_objects(image, "apple", lambda apple: apple.left > 30)
    red_ones = count_objects(image, "apple", condition=lambda apple: apple.verify_property("apple", "red"))
    return everything, right_ones, red_ones
