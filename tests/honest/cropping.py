def execute_command(image):
    # What is to the left of the last lamp?
    lamp = image.find("lamp")[-1]
    left_part = image.crop_left_of_bbox(lamp.left, lamp.lower, lamp.right, lamp.upper)
    return left_part


# ---
def execute_command(image):
    middle = image.find("post")[1]
    box = (middle.left, middle.lower, middle.right, middle.upper)
    return [image.crop_left_of_bbox(*box), image.crop_right_of_bbox(*box)]


# ---
def execute_command(image):
    shelf = image.crop(10, 30, 90, 50)
    above = image.crop_above_bbox(shelf.left, shelf.lower, shelf.right, shelf.upper)
    below = image.crop_below_bbox(shelf.left, shelf.lower, shelf.right, shelf.upper)
    return [above.height, below.height, above.width == below.width]


# ---
def execute_command(image):
    # Nothing is left of the leftmost object.
    first = image.find("dog")[0]
    nothing = image.crop_left_of_bbox(first.left, first.lower, first.right, first.upper)
    return [nothing.width, nothing.exists("dog"), len(nothing.find("dog")), nothing.verify_property("dog", "red")]


# ---
def execute_command(image):
    far_too_large = image.crop(-50, -50, 500, 500)
    return [far_too_large.left, far_too_large.lower, far_too_large.right, far_too_large.upper]


# ---
def execute_command(image):
    patch = image
    sizes = []
    # Halve the patch until it is small.
    while patch.width > 10 and patch.height > 10:
        sizes.append((patch.width, patch.height))
        if patch.width >= patch.height:
            patch = patch.crop(patch.left, patch.lower, patch.horizontal_center, patch.upper)
        else:
            patch = patch.crop(patch.left, patch.vertical_center, patch.right, patch.upper)
    return [sizes, patch]


# ---
def execute_command(image):
    top_half = ImagePatch(image, lower=image.vertical_center)
    left_of_it = ImagePatch(top_half, right=50)
    return left_of_it


# ---
def execute_command(image):
    columns = 5
    step = image.width / columns
    slices = [image.crop(i * step, 0, (i + 1) * step, image.upper) for i in range(columns)]
    return [s for s in slices if s.exists("window")]


# ---
def execute_command(image):
    # What is between the first and the third person?
    people = sorted(image.find("person"), key=lambda p: p.left)
    between = image.crop(people[0].right, 0, people[2].left, image.upper)
    return between.simple_query("What is this?") + " " + str(between)


# ---
def margin(patch, size):
    return patch.crop(patch.left + size, patch.lower + size, patch.right - size, patch.upper - size)


def execute_command(image):
    inner = image
    for _ in range(3):
        inner = margin(inner, 7.5)
    return inner


# ---
def execute_command(image):
    outside = image.crop(200, 200, 300, 300)
    return [outside.left, outside.lower, outside.width, outside.height, outside.exists("anything")]
