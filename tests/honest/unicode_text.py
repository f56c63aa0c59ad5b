def execute_command(image):
    größe = image.width * image.height
    naïve_αβγ = "größer" if größe > 1000 else "kleiner"
    return naïve_αβγ


# ---
def execute_command(image):
    return ["\N{BULLET}", "\N{GREEK SMALL LETTER ALPHA}", "\u00e9" == "é", len("e\u0301"), "\U0001f600", ord("€")]


# ---
def execute_command(image):
    words = ["Straße", "ÉCOLE", "İstanbul", "ǅ", "ﬁne", "ΣΊΣΥΦΟΣ"]
    return [[w.lower(), w.upper(), w.casefold(), w.title(), w.swapcase()] for w in words]


# ---
def execute_command(image):
    flag = "🇫🇷"
    family = "👨‍👩‍👧"
    return [len(flag), len(family), family[0], family[::-1] == family, [hex(ord(c)) for c in flag]]


# ---
def execute_command(image):
    digits = "٣५7⁵Ⅷ"
    return [c.isdecimal() for c in digits], [c.isdigit() for c in digits], [c.isnumeric() for c in digits], int("٣५7")


# ---
def execute_command(image):
    texts = ["naïve", "tab\t", "quote'\"", "\x07", "\u200b", "日本", "\\"]
    return [[repr(text), ascii(text), text.isprintable()] for text in texts]


# ---
def 面積(patch):
    return round(patch.width * patch.height, 1)


def execute_command(image):
    # Fragen auf Deutsch, Namen auf Japanisch
    名前 = image.simple_query("Welche Farbe hat die Tür?")
    return [名前 + "い", [面積(扉) for 扉 in image.find("Tür")]]


# ---
def execute_command(image):
    # Identifiers are normalised: both spellings name the same variable.
    ﬁsh = 1
    return [fish + 1, sorted(["zebra", "Äpfel", "apfel", "éclair", "Zoo"]), max("aé漢"), "ß" < "ss"]
