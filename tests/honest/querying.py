def execute_command(image):
    return image.simple_query("What is in the picture?")


# ---
def execute_command(image):
    muffin_patches = image.find("muffin")
    answers = []
    for muffin_patch in muffin_patches:
        answers.append(muffin_patch.simple_query("What flavor is this muffin?"))
    return ", ".join(answers)


# ---
def execute_command(image):
    # Who invented the thing in the picture?
    thing = image.simple_query("What is this?")
    return llm_query(f"Who invented {thing}?", long_answer=False)


# ---
def execute_command(image):
    default_answer = image.simple_query()
    asked_again = image.simple_query("What is this?")
    return (default_answer, default_answer == asked_again, len(default_answer))


# ---
def execute_command(image):
    questions = ["What color is the sky?", "What color is the sea?", "What color is the sand?"]
    answers = {question.split()[-1].rstrip("?"): image.simple_query(question) for question in questions}
    return [f"{key}={value}" for key, value in sorted(answers.items())]


# ---
def execute_command(image):
    kind = image.simple_query("What kind of animal is this?")
    long = image.llm_query(f"What do {kind} animals eat?")
    short = image.llm_query(f"What do {kind} animals eat?", long_answer=False)
    return [kind, long, short]


# ---
def execute_command(image):
    # "red" is an answer to everything here; make it presentable.
    answer = image.simple_query("what's the color of the hydrant").strip().lower()
    if answer.endswith("."):
        answer = answer[:-1]
    article = "an" if answer[:1] in "aeiou" else "a"
    return f"It is {article} {answer} hydrant."


# ---
KNOWN_COLORS = ("blue", "green", "red", "yellow")


def execute_command(image):
    said = image.find("umbrella")[0].simple_query("Which color is it?")
    return KNOWN_COLORS.index(said) if said in KNOWN_COLORS else -1


# ---
def majority(votes):
    return max(sorted(set(votes)), key=votes.count)


def execute_command(image):
    votes = [image.simple_query(q) for q in ("What is it?", "Which object is it?", "Name the object.")]
    votes += ["blue", "blue"]
    return majority(votes)


# ---
def execute_command(image):
    try:
        number = coerce_to_numeric(image.simple_query("How many candles are on the cake?"))
    except ValueError:
        number = float(len(image.find("candle")))
    return number
