def execute_command(image):
    return bool_to_yesno(image.exists("cat"))


# ---
def execute_command(image):
    # Is there a cat but no unicorn?
    is_cat = image.exists("cat")
    is_unicorn = image.exists("unicorn")
    return bool_to_yesno(is_cat and not is_unicorn)


# ---
def execute_command(image):
    return image.exists("unicorn") or image.exists("horse")


# ---
def execute_command(image):
    exactly_one = image.exists("cat") ^ image.exists("unicorn")
    return exactly_one


# ---
def execute_command(image):
    doors = image.find("door")
    every = all(door.verify_property("door", "red") for door in doors)
    some_blue = any(door.verify_property("door", "blue") for door in doors)
    return [bool_to_yesno(every), bool_to_yesno(some_blue)]


# ---
def execute_command(image):
    # Vacuous truth: all unicorns are pink.
    unicorns = image.find("unicorn")
    return all([u.verify_property("unicorn", "pink") for u in unicorns]), any(unicorns)


# ---
def execute_command(image):
    for animal in image.find("animal"):
        if animal.verify_property("animal", "sleeping"):
            return "yes"
    else:
        return "no"


# ---
def implies(p, q):
    return (not p) or q


def execute_command(image):
    facts = {name: image.exists(name) for name in ("dog", "unicorn")}
    return [implies(p, q) for p in facts.values() for q in facts.values()]


# ---
def execute_command(image):
    answer = image.simple_query("Is the lamp on?")
    return answer.lower() in ("yes", "true", "on") or bool_to_yesno("") == "no"


# ---
def execute_command(image):
    clues = [
        image.exists("snow"),
        image.verify_property("sky", "grey"),
        image.verify_property("leaf", "red"),
        not image.exists("unicorn"),
    ]
    score = sum(clues)
    return "winter" if score >= 3 else "autumn" if score == 2 else "summer"


# ---
def execute_command(image):
    a, b, c = True, False, image.exists("moon")
    table = [a and b or c, a and (b or c), not a or b, a == b == c, (a, b) < (a, c), a + b + c]
    return table
