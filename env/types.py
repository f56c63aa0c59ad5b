"""The values that travel through visrep: frozen data, no behaviour.

Every box is in the frame of its whole image, in pixels, with the origin at the bottom-left corner, so that
`upper > lower`. Files and models that count from the top-left are converted where they are read, once.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Kind = Literal["answer", "choice", "verify", "ground", "detect", "match"]
"""Shape of a right answer: open text, one of the options, yes/no, one box, a set of boxes, an image or caption."""

Outcome = Literal[
    "ok", "wrong_answer", "wrong_type", "syntax_error", "source_too_large", "no_entry", "forbidden", "runtime_error",
    "timeout", "memory", "output_too_large", "call_limit", "protocol", "crash", "infrastructure",
]  # fmt: skip
"""Closed set. All but `ok` and `infrastructure` earn 0; `infrastructure` is a machine's fault and earns nothing."""


@dataclass(frozen=True, slots=True)
class Box:
    """Axis-aligned rectangle; pixels, origin bottom-left, whole image's frame. `right` and `upper` are exclusive."""

    left: float
    lower: float
    right: float
    upper: float


@dataclass(frozen=True, slots=True)
class SceneObject:
    """One annotated object: its name ("circle", "dog"), its attributes ("red", "small") and `(relation, id)` pairs."""

    id: str
    name: str
    box: Box
    attributes: tuple[str, ...] = ()
    relations: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """What an image is annotated to show. It describes the image and never holds the answer to a question."""

    width: int
    height: int
    objects: tuple[SceneObject, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """All that a policy may see of a task."""

    id: str
    text: str
    kind: Kind
    category: str
    options: tuple[str, ...] = ()
    signature: str = "execute_command(image)"


@dataclass(frozen=True, slots=True)
class Instance:
    """One set of inputs on which a program has to be right, with its annotation.

    `answers` holds what is accepted, the best first: texts; a single bool for `verify`; for `choice` the right option;
    for `match` the right option or, where the question has none, the index of the right image. `soft` has a score in
    [0, 1] for each of them where annotators disagreed (VQA); they are in VQA's normal form then. `boxes` are those of
    `ground` and `detect`, where none is a legal annotation. `scenes`, where the data set has them, is one scene per
    image.
    """

    id: str
    images: tuple[Path, ...] = ()
    video: Path | None = None
    answers: tuple[str | bool | int, ...] = ()
    soft: tuple[float, ...] = ()
    boxes: tuple[Box, ...] = ()
    scenes: tuple[Scene, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """A question with the instances on which one program must be right; `group` names tasks scored together."""

    question: Question
    instances: tuple[Instance, ...]
    dataset: str
    split: str
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One call a program made to its host, as the host recorded it: it can be trusted.

    `image` is the index in `Instance.images`, or the number of a sampled frame of the video, and `box` the patch it was
    made on; both are None for calls that concern no image (`llm_query`). `result` is the plain JSON value that was sent
    back, or None where `error` is set: the message the program got for wrong arguments.
    """

    method: str
    image: int | None
    box: Box | None
    arguments: tuple[Any, ...]
    result: Any
    seconds: float
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Execution:
    """What came of one program on one instance. It knows no answer.

    `value` is plain JSON data, with a returned patch resolved by the host to `{"image": index, "box": [l, l, r, u]}`,
    and its `"score"`, the detector's confidence, if `find` gave it; it is None unless `outcome` is "ok". `message` is
    the fault in one line, `line` the program's line it came from.
    `trace` is what the program's process claims of its own course: a help to the reader, never used for a reward.
    """

    outcome: Outcome
    value: Any = None
    message: str = ""
    line: int | None = None
    calls: tuple[Call, ...] = ()
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    trace: tuple[Any, ...] | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """A reward of 0 or 1, the measure behind it in [0, 1] (IoU, F1, soft score), and the refined outcome."""

    reward: int
    measure: float
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Rollout:
    """One program, run and scored on every instance of its task; `reward` is 1 only if every score's is.

    `author` is "policy", "retry" (the policy too, when it was shown the answers) or a person's name. `iteration` and
    `policy` say what wrote it, where a run did.
    """

    task_id: str
    category: str
    program: str
    executions: tuple[Execution, ...]
    scores: tuple[Score, ...]
    reward: int
    author: str = "policy"
    iteration: int | None = None
    policy: str | None = None
