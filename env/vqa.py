"""How answers that people gave are compared and scored (VQA, Antol et al., ICCV 2015).

The rules are those of https://visualqa.org/evaluation.html and of the official code, vqaEval.py of
https://github.com/GT-Vision-Lab/VQA. Annotations are brought into the normal form where they are read, values of
programs where they are judged.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence

_PUNCTUATION = ';/[]"{}()=+\\_-><@`,?!'
"""Apostrophes and colons stay, for possessives and times."""

_NUMBER = re.compile(r"\d,\d")
_PERIOD = re.compile(r"\.(?!\d)")
_ARTICLES = frozenset({"a", "an", "the"})

_DIGITS = {
    "none": "0", "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7",
    "eight": "8", "nine": "9", "ten": "10",
}  # fmt: skip

_CONTRACTED = """
    ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't haven't he'd he'd've
    he's how'd how'll how's isn't it'd it'd've it'll ma'am might've mightn't mightn't've must've mustn't needn't not've
    o'clock oughtn't 'ow's'at shan't she'd've should've shouldn't shouldn't've somebody'd've somebody'll somebody's
    someone'd someone'd've someone'll someone's something'd something'd've something'll that's there'd there'd've
    there're there's they'd they'd've they'll they're they've 'twas wasn't we'd've we've weren't what'll what're what's
    what've when's where'd where's where've who'd who'd've who'll who's who've why'll why're why's won't would've
    wouldn't wouldn't've y'all y'all'd've y'all'll you'd you'd've you'll you're you've
"""

_CONTRACTIONS = {
    word[:place] + word[place + 1 :]: word
    for word in _CONTRACTED.split()
    for place, sign in enumerate(word)
    if sign == "'"  # one apostrophe is restored, never two
} | {"somebody'd": "somebodyd"}  # the official list has this one the wrong way round


def normal(text: str) -> str:
    """The text in VQA's normal form, which is its own: lower case, number words up to ten as digits, no articles, one
    apostrophe that a contraction lacks restored, periods only before a digit, no other punctuation but apostrophes
    and colons. Empty where nothing is left.

    As in the official code, a sign of punctuation leaves a space behind unless it stands beside one somewhere in the
    text, and none does where there is a comma between digits. That code stops at 32 periods, by oversight; this does
    not.
    """
    text = text.replace("\n", " ").replace("\t", " ").strip()
    dropped = _NUMBER.search(text) is not None
    signs = {ord(s): "" if dropped or f"{s} " in text or f" {s}" in text else " " for s in _PUNCTUATION if s in text}
    text = _PERIOD.sub("", text.translate(signs))
    words = [_DIGITS.get(word, word) for word in text.lower().split()]
    return " ".join(_CONTRACTIONS.get(word, word) for word in words if word not in _ARTICLES)


def soft_scores(answers: Sequence[str]) -> dict[str, float]:
    """What each answer earns, by its normal form, best first: the mean over all ways to leave one annotator out of
    min(1, matches among the others / 3). Of ten annotators, 1 is 0.3, 2 are 0.6, 3 are 0.9, and 4 are 1.

    The official code leaves the annotators' answers as they are where all of them are literally equal, and has only
    their punctuation done else, as the published ones have the rest already; so it gives 0 to whoever says "t-shirt"
    where all ten people did. Here, as the site describes it, they are always brought into the normal form, and what
    people said is right. An answer of which nothing is left has 0: else an empty text would be right where people read
    "A" on a sign.
    """
    people = len(answers)
    return _scored(answers, lambda n: (n * min(3, n - 1) + (people - n) * min(3, n)) / (3 * people))


def direct_scores(answers: Sequence[str]) -> dict[str, float]:
    """The same with nobody left out: min(1, matches / 3), as A-OKVQA scores direct answers (eval_predictions.py of
    https://github.com/allenai/aokvqa, which compares them literally)."""
    return _scored(answers, lambda n: min(3, n) / 3)


def _scored(answers: Sequence[str], score: Callable[[int], float]) -> dict[str, float]:
    counts: Counter[str] = Counter()
    for answer, people in Counter(
        answers
    ).items():  # most people say the same: a normal form for each would take longer
        counts[normal(answer)] += people
    scores = {form: score(count) if form else 0.0 for form, count in counts.items()}
    return dict(sorted(scores.items(), key=lambda item: -item[1]))
