def execute_command(image):
    # How many muffins can each kid have for it to be fair?
    image_patch = ImagePatch(image)
    muffin_patches = image_patch.find("muffin")
    kid_patches = image_patch.find("kid")
    return str(len(muffin_patches) // len(kid_patches))


# ---
def execute_command(image):
    # Drink with zero alcohol
    image_patch = ImagePatch(image)
    drink_patches = image_patch.find("drink")
    for drink_patch in drink_patches:
        drink_name = drink_patch.simple_query("What is this?")
        alcoholic = llm_query(f"Does the {drink_name} have alcohol?", long_answer=False)
        if alcoholic == "no":
            return drink_patch
        alcoholic = llm_query(f"Does the {drink_name} contain alcohol?", long_answer=False)
        if alcoholic == "no":
            return drink_patch
    return drink_patches[0]


# ---
def execute_command(image):
    # What color do you get if you combine the colors of the bag and the door?
    image_patch = ImagePatch(image)
    colors = []
    for name in ("bag", "door"):
        found = image_patch.find(name)
        patch = found[0] if found else image_patch
        colors.append(patch.simple_query(f"What color is the {name}?"))
    return llm_query("What color do you get if you combine " + " and ".join(colors) + "?", False)


# ---
def execute_command(image):
    # Is the carriage to the right of a horse?
    image_patch = ImagePatch(image)
    carriage_patches = image_patch.find("carriage")
    horse_patches = image_patch.find("horse")
    for carriage_patch in carriage_patches:
        for horse_patch in horse_patches:
            if carriage_patch.horizontal_center > horse_patch.horizontal_center:
                return "yes"
    return "no"


# ---
def execute_command(image):
    # What type of weather do you see in the photograph?
    image_patch = ImagePatch(image)
    return image_patch.simple_query("What type of weather do you see in the photograph?")


# ---
def execute_command(image):
    # Second pizza from the right
    image_patch = ImagePatch(image)
    pizza_patches = image_patch.find("pizza")
    pizza_patches.sort(key=lambda pizza: pizza.horizontal_center)
    pizza_patch = pizza_patches[-2]
    return pizza_patch


# ---
def execute_command(image):
    # Person wearing the red shirt, or the one in the middle if nobody does
    person_patches = image.find("person")
    person_patches = [p for p in person_patches if p.verify_property("shirt", "red")] or person_patches
    closest = min(person_patches, key=lambda p: abs(p.horizontal_center - image.horizontal_center))
    return closest


# ---
def execute_command(image) -> str:
    image_patch = ImagePatch(image)
    # Is there a unicorn below the cloud?
    if not image_patch.exists("cloud"):
        return "no"
    cloud = image_patch.find("cloud")[0]
    below = image_patch.crop_below_bbox(cloud.left, cloud.lower + 30, cloud.right, cloud.upper)
    return bool_to_yesno(below.exists("unicorn"))


# ---
def execute_command(image):
    # What material is the chair next to the window made of?
    windows = image.find("window")
    chairs = image.find("chair")
    pairs = [(distance(chair, window), i, j) for i, chair in enumerate(chairs) for j, window in enumerate(windows)]
    _, i, j = min(pairs)
    material = chairs[i].best_text_match(["wood", "metal", "plastic"], "a chair made of")
    return f"{material} (chair {i}, window {j})"


# ---
def execute_command(image):
    # On which side of the picture is the bin?
    bin_patches = image.find("bin")
    if len(bin_patches) == 0:
        return image.simple_query("On which side of the picture is the bin?")
    if bin_patches[0].horizontal_center < image.horizontal_center:
        return "left"
    return "right"


# ---
def execute_command(image):
    # Does the man to the left of the fence look happy?
    fence_patch = image.find("fence")[-1]
    man_patches = image.crop_left_of_bbox(
        fence_patch.left, fence_patch.lower, fence_patch.right, fence_patch.upper
    ).find("man")
    happy = [man for man in man_patches if man.verify_property("man", "happy")]
    unhappy = [man for man in man_patches if man not in happy]
    return [bool_to_yesno(bool(happy)), len(happy), len(unhappy)]


# ---
def execute_command(image):
    # How much do the groceries cost together?
    prices = {"bread": "2.40 euros", "milk": "1,100 cents", "cheese": "four euros"}
    total = 0
    for name, price in prices.items():
        if image.exists(name):
            value = coerce_to_numeric(price)
            total += value / 100 if "cents" in price else value
    return total


# ---
def execute_command(image):
    shapes = ["circle", "square", "triangle"]
    result = []
    for shape in shapes:
        patches = image.find(shape)
        sizes = [round(p.width * p.height) for p in patches]
        largest = sizes.index(max(sizes))
        result.append([shape, largest, patches[largest]])
    return result
