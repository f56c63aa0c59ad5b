def execute_command(image):
    word = "racecar"
    return word == word[::-1]


# ---
def execute_command(image):
    text = "  Is the cup, which is red, full?  "
    clean = text.strip().rstrip("?").lower()
    return [clean, clean.split(", "), clean.partition("which"), clean.rpartition(" "), clean.replace("is", "was", 1)]


# ---
def caesar(text, shift):
    shifted = []
    for letter in text:
        if letter.isalpha():
            base = ord("a") if letter.islower() else ord("A")
            shifted.append(chr((ord(letter) - base + shift) % 26 + base))
        else:
            shifted.append(letter)
    return "".join(shifted)


def execute_command(image):
    secret = caesar("Meet me at the red door!", 13)
    return secret, caesar(secret, -13)


# ---
def plural(noun, count):
    if count == 1:
        return noun
    if noun.endswith(("s", "x", "ch", "sh")):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"


def execute_command(image):
    return [
        f"{len(image.find(noun))} {plural(noun, len(image.find(noun)))}" for noun in ("box", "cherry", "toy", "unicorn")
    ]


# ---
def execute_command(image):
    text = "one two  three\nfour\tfive"
    return [
        text.split(),
        text.split(" "),
        text.splitlines(),
        text.title(),
        text.expandtabs(4).count(" "),
        text.find("zz"),
    ]


# ---
def execute_command(image):
    checks = ["abc", "ABC", "a1", "12", "1.5", "", " ", "½", "Title Case", "under_score"]
    return [
        [s.isalpha(), s.isdigit(), s.isalnum(), s.islower(), s.isspace(), s.istitle(), s.isidentifier(), s.isnumeric()]
        for s in checks
    ]


# ---
def execute_command(image):
    sentence = llm_query("Describe the color of blood in one word.")
    vowels = sum(letter in "aeiou" for letter in sentence)
    return (
        {0: "none", 1: "one"}.get(vowels, "many"),
        sentence.center(9, "*"),
        sentence.zfill(6),
        sentence.ljust(5) + "|",
    )


# ---
def roman(number):
    result = ""
    for value, sign in zip(
        (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1), "M CM D CD C XC L XL X IX V IV I".split()
    ):
        times, number = divmod(number, value)
        result += sign * times
    return result


def execute_command(image):
    return [roman(n) for n in (4, 9, 14, 40, 99, 444, 1994, 2024, int(image.width))]


# ---
def execute_command(image):
    table = str.maketrans({"a": "4", "e": "3", "o": None, "l": "|_"})
    other = str.maketrans("abc", "xyz", "!?")
    return "hello alone".translate(table), "aabbcc!?d".translate(other), "redcup".removeprefix("red").removesuffix("p")


# ---
def wrap(text, width):
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return lines + [line] if line else lines


def execute_command(image):
    return wrap(
        "The quick brown fox jumps over the lazy dog and runs away from the " + image.simple_query() + " bull.", 16
    )


# ---
def is_anagram(one, two):
    def letters(text):
        return sorted(c for c in text.casefold() if c.isalpha())

    return letters(one) == letters(two)


def execute_command(image):
    return [is_anagram("Dormitory", "dirty room!"), is_anagram("cup", "pup"), "b" > "a" > "B", "10" < "9", "" in "abc"]
