def execute_command(image):
    try:
        return image.crop(50, 0, 40, 80)
    except ValueError as error:
        return str(error)


# ---
def execute_command(image):
    messages = []
    for name in ["", "   ", 7, None, ["cat"]]:
        try:
            messages.append(str(len(image.find(name))))
        except ValueError as problem:
            messages.append(str(problem))
    return messages


# ---
def execute_command(image):
    empty = image.crop(10, 10, 10, 20)
    try:
        depth = empty.compute_depth()
    except ValueError as error:
        depth = -1.0
        print("no depth:", error)
    return depth


# ---
def execute_command(image):
    try:
        ImagePatch("image.png")
    except TypeError as error:
        return type(error).__name__ + ": " + error.args[0]


# ---
def safe(function, *arguments, default=None):
    """Call a function of the API; a refused question gives the default."""
    try:
        return function(*arguments)
    except (ValueError, TypeError) as error:
        return default if default is not None else type(error).__name__


def execute_command(image):
    return [
        safe(image.simple_query, "What is this?"),
        safe(image.simple_query, 5),
        safe(image.best_text_match, []),
        safe(image.best_text_match, ["red", 3]),
        safe(image.verify_property, "cup", "", default="unknown"),
        safe(image.find),
        safe(llm_query, "x" * 3000),
    ]


# ---
def execute_command(image):
    results = []
    for text in ["3 cups", "two", "-1.5 degrees", "1,234 people", "none at all", ".5", "about twelve eggs", ""]:
        try:
            results.append(coerce_to_numeric(text))
        except ValueError as error:
            results.append(str(error))
    return results


# ---
def execute_command(image):
    attempts = 0
    while True:
        attempts += 1
        try:
            patch = image.crop(0, 0, "wide", 80) if attempts < 3 else image.crop(0, 0, 30, 80)
            break
        except ValueError:
            continue
    return [attempts, patch]


# ---
def execute_command(image):
    bad = [float("nan"), float("inf"), 10**12, True, None, "12"]
    refused = 0
    for value in bad:
        try:
            image.crop(0, 0, value, 80)
        except ValueError:
            refused += 1
    return refused == len(bad)


# ---
def execute_command(image):
    try:
        best_image_match(image.find("tree"), [])
    except ValueError as error:
        message = str(error)
    else:
        message = "no complaint"
    finally:
        count = len(image.find("tree"))
    return f"{message} / {count}"


# ---
def execute_command(image):
    try:
        patch = image.find("sign")[0]
        patch.color = "red"
    except AttributeError as error:
        return [str(error).count("color"), hasattr(patch, "color"), hasattr(patch, "width")]
    return "a new attribute"
