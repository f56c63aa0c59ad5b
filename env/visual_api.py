"""The host's side of the visual API: checks what a program asks for and turns it into requests to the models.

A program holds handles, small integers that are valid in its own run only; a `Session` knows what they stand for,
counts what is used up and keeps the call log, which can be trusted because only the host writes it. All boxes are in
the frame of the whole image, pixels, origin bottom-left.

An empty patch (a crop that leaves less than one pixel, such as what lies left of an object at the left edge) is legal:
nothing is found in it and no property holds of it, but asking about its content is the program's fault.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from visrep.env.judging import USUAL, Judging
from visrep.env.perception import Answer, Method, Request, View
from visrep.env.perception.picture import Picture
from visrep.env.perception.speaking import LIKELY
from visrep.env.types import Box, Call

MOST_TEXTS, LONGEST_TEXT, MOST_FOUND, LONGEST_REPLY, FARTHEST = 100, 2000, 100, 4000, 1e9
DEEPEST_VALUE = 4


class Misuse(Exception):
    """Wrong arguments: the program gets the message and may go on."""


class Exhausted(Exception):
    """A quota is used up: the program is over."""


class Unknown(Exception):
    """Something that `image_patch.py` and `video_segment.py` never send: the program forged a message."""


class Patch(NamedTuple):
    """What a handle stands for: an image's index, a box in it, which may be empty, and the detector's confidence, if
    one found it."""

    image: int
    box: Box
    score: float | None = None

    @property
    def empty(self) -> bool:
        return self.box.right - self.box.left < 1 or self.box.upper - self.box.lower < 1


@dataclass(frozen=True, slots=True)
class Pending:
    """A checked call: the requests it needs (none for some) and how their replies make its result. `further` tells what
    it has to ask on account of these replies, before it has one."""

    method: str
    patch: Patch | None
    arguments: tuple[Any, ...]
    requests: tuple[Request, ...]
    finish: Callable[[Sequence[Any]], Any]
    further: "Callable[[Sequence[Any]], Pending | None] | None" = None


class Session:
    """What one program may see and has asked, on one instance."""

    def __init__(
        self, pictures: Sequence[Picture], most_calls: int, most_patches: int, judging: Judging = USUAL
    ) -> None:
        self.judging = judging
        self._pictures = pictures
        self._most_calls = most_calls
        self._most_patches = most_patches
        self._asked = 0
        self._patches: list[Patch] = []
        self.calls: list[Call] = []

    def images(self) -> list[list[Any]]:
        """A patch for each whole image, as sent to the program: `[handle, left, lower, right, upper]`."""
        return [self.add(Patch(index, Box(0, 0, *picture.size))) for index, picture in enumerate(self._pictures)]

    def ask(self, method: str, arguments: Sequence[Any]) -> Pending:
        """Check a call. Raises Misuse, Exhausted or Unknown."""
        self._count(1)
        prepare, count = _METHODS.get(method, (None, 0))
        if prepare is None or len(arguments) != count:
            raise Unknown(f"no call {method[:40]!r} with {len(arguments)} arguments")
        try:
            pending = prepare(self, *arguments)
        except Misuse as error:
            self.calls.append(Call(method, None, None, _loggable(arguments), None, 0.0, f"{method}: {error}"))
            raise Misuse(f"{method}: {error}") from None
        self._count(max(0, len(pending.requests) - 1))  # a model that is asked a hundred things works a hundred times
        return pending

    def further(self, pending: Pending, replies: Sequence[Any]) -> Pending | None:
        """The same call with what else it has to ask now that these replies are there; None where it has all it needs.
        Raises Exhausted."""
        more = pending.further(replies) if pending.further else None
        self._count(len(more.requests) if more else 0)
        return more

    def answer(self, pending: Pending, replies: Sequence[Any], seconds: float) -> Any:
        """The plain result to send back, now in the log. Raises Exhausted when it would hold too many patches."""
        image, box = pending.patch[:2] if pending.patch else (None, None)
        result = pending.finish(replies)
        self.calls.append(Call(pending.method, image, box, pending.arguments, result, seconds))
        return result

    def add(self, patch: Patch) -> list[Any]:
        """Make a handle for a patch."""
        if len(self._patches) >= self._most_patches:
            raise Exhausted(f"more than {self._most_patches} patches")
        self._patches.append(patch)
        box = patch.box
        return [len(self._patches) - 1, box.left, box.lower, box.right, box.upper]

    def patch(self, handle: Any) -> Patch:
        """What the handle stands for. Raises Unknown for one this run never gave out."""
        if type(handle) is not int or not 0 <= handle < len(self._patches):
            raise Unknown("no such patch")
        return self._patches[handle]

    def resolve(self, value: Any, depth: int = 0) -> Any:
        """A returned value, its patches as `{"image": index, "box": [left, lower, right, upper]}`, with the "score" of
        one that was found. Raises Unknown."""
        if type(value) is list and depth < DEEPEST_VALUE:
            return [self.resolve(item, depth + 1) for item in value]
        if type(value) is dict and list(value) == ["patch"]:
            patch = self.patch(value["patch"])
            found = {} if patch.score is None else {"score": patch.score}
            return {"image": patch.image, "box": list(_edges(patch.box))} | found
        if type(value) in (bool, int) or (type(value) is float and math.isfinite(value)):
            return value
        if type(value) is str:
            return value.encode("utf-8", "replace").decode()
        raise Unknown("no value that a program may return")

    def request(self, method: Any, patch: Patch, *arguments: Any) -> Request:
        """A request about a patch. Raises Misuse for an empty one."""
        if patch.empty:
            raise Misuse("the patch is empty")
        return Request(method, View(self._pictures[patch.image], patch.box), arguments)

    def _count(self, number: int) -> None:
        self._asked += number
        if self._asked > self._most_calls:
            raise Exhausted(f"more than {self._most_calls} calls")


def _find(session: Session, handle: Any, name: Any) -> Pending:
    patch, name = session.patch(handle), _text("object_name", name)

    def finish(replies: Sequence[Any]) -> Any:
        found = replies[0][:MOST_FOUND] if replies else ()
        return [session.add(Patch(patch.image, detection.box, detection.score)) for detection in found]

    return Pending("find", patch, (name,), _search(session, patch, name), finish)


def _exists(session: Session, handle: Any, name: Any) -> Pending:
    patch, name = session.patch(handle), _text("object_name", name)
    further = partial(_recheck, session, patch, name) if session.judging.recheck else None
    return Pending(
        "exists", patch, (name,), _search(session, patch, name),
        lambda replies: bool(replies and replies[0]), further,
    )  # fmt: skip


def _recheck(session: Session, patch: Patch, name: str, replies: Sequence[Any]) -> Pending | None:
    """What was found is looked at once more, as a detector names many a thing after what it is asked for. What is too
    small to be looked at is believed."""
    found = [Patch(patch.image, detection.box) for detection in replies[0][:MOST_FOUND]]
    if not found or any(thing.empty for thing in found):
        return None
    requests = tuple(session.request("query", thing, LIKELY.format(name), None) for thing in found)

    def finish(answers: Sequence[Answer]) -> bool:
        return any("yes" in answer.text.lower() for answer in answers)

    return Pending("exists", patch, (name,), requests, finish)


def _search(session: Session, patch: Patch, name: str) -> tuple[Request, ...]:
    return () if patch.empty else (session.request("find", patch, name),)


def _verify_property(session: Session, handle: Any, name: Any, visual_property: Any) -> Pending:
    patch = session.patch(handle)
    name, visual_property = _text("object_name", name), _text("visual_property", visual_property)
    requests = () if patch.empty else (session.request("match", patch, (f"{visual_property} {name}",)),)
    return Pending(
        "verify_property", patch, (name, visual_property), requests,
        lambda replies: bool(replies and replies[0][0] > session.judging.property_threshold),
    )  # fmt: skip


def _best_text_match(session: Session, handle: Any, options: Any, prefix: Any) -> Pending:
    patch, options = session.patch(handle), _texts("option_list", options)
    start = "" if prefix is None else _text("prefix", prefix) + " "
    request = session.request("match", patch, tuple(start + option for option in options))
    return Pending(
        "best_text_match", patch, (list(options), prefix), (request,),
        lambda replies: options[_largest(replies[0])],
    )  # fmt: skip


def _best_image_match(session: Session, handles: Any, content: Any) -> Pending:
    if type(handles) is not list or not handles:
        raise Unknown("no patches")
    if len(handles) > MOST_TEXTS:
        raise Misuse(f"at most {MOST_TEXTS} patches can be compared")
    patches, texts = [session.patch(handle) for handle in handles], _texts("content", content)
    seen = [index for index, patch in enumerate(patches) if not patch.empty]
    requests = tuple(session.request("match", patches[index], texts) for index in seen)
    logged = [[patch.image, list(_edges(patch.box))] for patch in patches]

    def finish(replies: Sequence[Any]) -> int:
        return seen[_largest([sum(scores) for scores in replies])] if seen else 0

    return Pending("best_image_match", None, (logged, list(texts)), requests, finish)


def _simple_query(session: Session, handle: Any, question: Any) -> Pending:
    patch, question = session.patch(handle), _text("question", question)
    request = session.request("query", patch, question, None)
    return Pending("simple_query", patch, (question,), (request,), lambda replies: replies[0].text[:LONGEST_REPLY])


def _compute_depth(session: Session, handle: Any) -> Pending:
    patch = session.patch(handle)
    return Pending("compute_depth", patch, (), (session.request("depth", patch),), lambda replies: float(replies[0]))


def _crop(session: Session, handle: Any, left: Any, lower: Any, right: Any, upper: Any) -> Pending:
    patch = session.patch(handle)
    for name, value in (("left", left), ("lower", lower), ("right", right), ("upper", upper)):
        if type(value) not in (int, float) or not -FARTHEST < value < FARTHEST:
            raise Misuse(f"{name} should be a number of pixels, found {_shown(value)}")
    if left > right or lower > upper:
        raise Misuse(f"left {left} to right {right} or lower {lower} to upper {upper} is the wrong way round")
    box = patch.box
    part = Box(
        min(max(left, box.left), box.right), min(max(lower, box.lower), box.upper),
        max(min(right, box.right), box.left), max(min(upper, box.upper), box.lower),
    )  # fmt: skip
    arguments = (left, lower, right, upper)
    return Pending("crop", patch, arguments, (), lambda _: session.add(Patch(patch.image, part)))


def _llm_query(session: Session, question: Any, long_answer: Any) -> Pending:
    question = _text("question", question)
    prompt = question if long_answer else f"{question}\nAnswer in a few words."
    request = Request("complete", None, (prompt,))
    return Pending("llm_query", None, (question,), (request,), lambda replies: replies[0][:LONGEST_REPLY])


def _select_answer(session: Session, info: Any, question: Any, options: Any) -> Pending:
    info, question = _text("info", info) if info else "nothing", _text("question", question)
    offered = _texts("options", options)
    listed = "\n".join(offered)
    prompt = f"Known of a video:\n{info}\n\nQuestion: {question}\nAnswer with one of these, word for word:\n{listed}"
    request = Request("complete", None, (prompt,))

    def finish(replies: Sequence[str]) -> str:
        named = [option for option in offered if option.lower() in replies[0].lower()]
        return max(named, key=len) if named else replies[0][:LONGEST_REPLY]

    return Pending("select_answer", None, (info, question, list(offered)), (request,), finish)


_METHODS: dict[str, tuple[Callable[..., Pending], int]] = {
    "find": (_find, 2),
    "exists": (_exists, 2),
    "verify_property": (_verify_property, 3),
    "best_text_match": (_best_text_match, 3),
    "best_image_match": (_best_image_match, 2),
    "simple_query": (_simple_query, 2),
    "compute_depth": (_compute_depth, 1),
    "crop": (_crop, 5),
    "llm_query": (_llm_query, 2),
    "select_answer": (_select_answer, 3),
}
"""What a program may call, with the number of arguments that `image_patch.py` and `video_segment.py` send."""

ASKS: dict[str, Method] = {
    "find": "find",
    "exists": "find",
    "verify_property": "match",
    "best_text_match": "match",
    "best_image_match": "match",
    "simple_query": "query",
    "compute_depth": "depth",
    "llm_query": "complete",
    "select_answer": "complete",
}
"""What each call asks of perception; those that are not here ask nothing. `exists` may have to `query` as well
(`Judging.recheck`)."""


def _text(name: str, value: Any) -> str:
    """A text that can be shown, stored and sent on: not blank, not endless, without halves of surrogate pairs."""
    if type(value) is not str or not value.strip():
        raise Misuse(f"{name} should be a text, found {_shown(value)}")
    if len(value) > LONGEST_TEXT:
        raise Misuse(f"{name} has {len(value)} characters; at most {LONGEST_TEXT}")
    if not is_encodable(value):
        raise Misuse(f"{name} is no valid text")
    return value


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if type(value) is not list or not 0 < len(value) <= MOST_TEXTS:
        raise Misuse(f"{name} should be a list of 1 to {MOST_TEXTS} texts")
    return tuple(_text(name, item) for item in value)


def is_encodable(text: str) -> bool:
    """Whether the text can be written as UTF-8: JSON can smuggle in halves of surrogate pairs."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _loggable(arguments: Sequence[Any]) -> tuple[Any, ...]:
    """Refused arguments, in a form that is short and can be stored."""
    return tuple(_shown(argument) for argument in arguments)


def _shown(value: Any) -> str:
    """A value that a program sent, on one short line; what is in a list is left out, for it may be nested deeply."""
    return ascii(value)[:60] if type(value) in (str, int, float, bool, type(None)) else f"a {type(value).__name__}"


def _edges(box: Box) -> tuple[float, float, float, float]:
    return box.left, box.lower, box.right, box.upper


def _largest(scores: Sequence[float]) -> int:
    return max(range(len(scores)), key=scores.__getitem__)
