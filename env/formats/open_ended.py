"""VQA's file format, in which other data sets come too: questions in one file, what ten people answered in another.

    {"questions":   [{"question_id": 1, "image_id": 1, "question": "…?"}, …], …}
    {"annotations": [{"question_id": 1, "question_type": "…", "answer_type": "…", "answers": [{"answer": "…"}, …]}, …]}
    ROOT/{split}/COCO_{split}_{image id, 12 digits}.jpg

From https://visualqa.org/download.html. Both files have the same questions, in practice in the same order: then tasks
stream in constant memory. Where the order differs, the annotations' places on disk are held, not the annotations.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from visrep.env.faults import UserFault
from visrep.env.formats.entries import Item, items, value_at
from visrep.env.formats.layout import check_file, check_image
from visrep.env.types import Instance, Question, Rollout, Task
from visrep.env.vqa import soft_scores

_NO_ANSWERS = "the answers of VQA's test splits are not published: take one with annotations, such as val2014"


def tasks(
    root: Path, split: str, dataset: str, files: tuple[str, str], category: Callable[[Item], str]
) -> Iterator[Task]:
    """One task per question, in the questions' order. `files` are the names of the questions' and the annotations'
    file with {} for the split; a task's category is that of its annotation.

    Raises UserFault, naming file and row: at once when a file or the first image is missing or the first row damaged,
    while reading when another row is, or when one file has a question that the other has not.
    """
    questions, annotations = (root / file.format(split) for file in files)
    check_file(questions, files[0].format("*"))
    check_file(annotations, files[1].format("*"), _NO_ANSWERS)

    def read() -> Iterator[Task]:
        return (_task(root, split, dataset, *pair, category(pair[1])) for pair in _pairs(questions, annotations))

    first = next(read(), None)
    if first is not None:
        check_image(first.instances[0].images[0])
    return read()


def metrics(pairs: Iterable[tuple[Task, Rollout | None]]) -> dict[str, float]:
    """Mean soft score by category, as the official evaluation gives it beside that of all; a task without a rollout
    has 0."""
    sums: dict[str, float] = defaultdict(float)
    counts: dict[str, int] = defaultdict(int)
    for task, rollout in pairs:
        category = task.question.category.rpartition("/")[2]  # without the data set's name, where there are several
        counts[category] += 1
        sums[category] += rollout.scores[0].measure if rollout else 0.0
    return {f"soft_accuracy_{name}": round(sums[name] / count, 6) for name, count in sorted(counts.items())}


def _task(root: Path, split: str, dataset: str, question: Item, annotation: Item, category: str) -> Task:
    own = str(_id(question))
    image = root / split / f"COCO_{split}_{question.get('image_id', int):012}.jpg"
    scores = soft_scores([_answer(each, annotation) for each in annotation.get("answers", list)])
    instance = Instance(own, images=(image,), answers=tuple(scores), soft=tuple(scores.values()))
    asked = Question(own, question.get("question", str).strip(), "answer", category)
    return Task(asked, (instance,), dataset=dataset, split=split)


def _answer(given: object, annotation: Item) -> str:
    answer = given.get("answer") if isinstance(given, dict) else None
    if not isinstance(answer, str):
        raise annotation.fault("answers", "a list of objects that have a text as answer")
    return answer


def _pairs(questions: Path, annotations: Path) -> Iterator[tuple[Item, Item]]:
    """Every question with its annotation, which is the next one, or looked up from the first that is not."""
    following = items(annotations, "annotations")
    places: _Places | None = None
    count = 0
    for question in items(questions, "questions"):
        count += 1
        annotation = next(following, None) if places is None else None
        if annotation is None or _id(annotation) != _id(question):
            places = places or _Places(annotations)
            annotation = places.find(question)
        yield question, annotation
    more = sum(1 for _ in items(annotations, "annotations")) if places or next(following, None) else count
    if more != count:
        raise UserFault(f"{annotations} is of {more} questions, {questions} has {count}; fetch both again")


class _Places:
    """The annotations by their question; only their places in the file are held in memory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places: dict[int, tuple[int, int, int]] = {}
        for item in items(path, "annotations"):
            if _id(item) in self._places:
                raise UserFault(f"{item.where} is the second of question {_id(item)}; fetch the file again")
            self._places[_id(item)] = item.row, item.start, item.end

    def find(self, question: Item) -> Item:
        if _id(question) not in self._places:
            raise UserFault(f"{question.where} is question {_id(question)}, which {self._path} lacks; fetch both again")
        row, start, end = self._places[_id(question)]
        return Item(self._path, row, value_at(self._path, start, end), start, end)


def _id(item: Item) -> int:
    return item.get("question_id", int)
