"""The one way answers are made comparable, used by the reward of training and by every metric.

Deliberately little: what is not a question of notation is a wrong answer. There is no Unicode folding, because
look-alike letters are a way to be paid for a string that is not the answer, and no stemming or synonyms.
"""

import math
import re
import string

_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_WORD = re.compile(r"[^ \t\n\r\f\v]+")  # str.split would take the other spaces of Unicode for spaces too
_WHOLE = re.compile(r"(-?[0-9]+)\.0+")
_ARTICLES = frozenset({"a", "an", "the"})

Plain = str | bool | int | float
"""The types that have a normal form; their subclasses have none."""


def is_plain(value: object) -> bool:
    """Whether the value is exactly of a `Plain` type, and finite."""
    return type(value) in (str, bool, int) or (type(value) is float and math.isfinite(value))


def normalise(value: Plain) -> str:
    """The text that stands for a plain value: yes or no for a bool, digits for a number ("2" for 2.0 and "2.0"), and
    for text its words in ASCII lower case, one space between them, without articles unless nothing else is said."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, int):
        # Python refuses to print integers of over 4,300 digits in decimal, and no annotation has one.
        return str(value) if value.bit_length() < 4096 else hex(value)
    words = _WORD.findall(value.translate(_LOWER))
    text = " ".join([word for word in words if word not in _ARTICLES] or words)
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else text
