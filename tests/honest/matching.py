def execute_command(image):
    return image.best_text_match(["blue", "red", "green"])


# ---
def execute_command(image):
    # With no right option the first one wins.
    return image.best_text_match(["wood", "metal", "plastic"], prefix="made of")


# ---
def execute_command(image):
    shirts = image.find("shirt")
    return best_image_match(shirts, ["red shirt"])


# ---
def execute_command(image):
    shirts = image.find("shirt")
    index = best_image_match(shirts, ["blue shirt", "red shirt"], return_index=True)
    return f"shirt number {index + 1} of {len(shirts)}"


# ---
def execute_command(image):
    nobody = best_image_match(image.find("unicorn"), ["a unicorn"])
    if nobody is None:
        return "there is none"
    return nobody


# ---
def execute_command(image):
    options = {"warm": ["red apple", "orange"], "cold": ["blue plum", "green pear"]}
    return {kind: image.best_text_match(texts) for kind, texts in options.items()}["warm"]


# ---
def execute_command(image):
    one_text = image.best_text_match("red")
    as_tuple = image.best_text_match(("green", "red", "red too"))
    from_generator = image.best_text_match(word for word in "blue red green".split())
    return [one_text, as_tuple, from_generator]


# ---
def execute_command(image):
    # Answer with the letter of the right option.
    options = ["a green bag", "a red bag", "red bag"]
    letters = "ABC"
    chosen = image.find("bag")[0].best_text_match(options)
    return letters[options.index(chosen)]


# ---
def execute_command(image):
    materials = ["red brick", "stone", "wood"]
    walls = image.find("wall")
    by_material = {}
    for wall in walls:
        by_material.setdefault(wall.best_text_match(materials), []).append(wall)
    return [[material, group] for material, group in by_material.items()]


# ---
def execute_command(image):
    gates = list(reversed(image.find("gate")))
    first = best_image_match(gates, "red gate")
    return [first is gates[0], first.left > 60]
