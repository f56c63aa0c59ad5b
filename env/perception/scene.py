"""Answers from the annotated objects of a picture, in place of a model.

A program that is right with it and wrong with a model is the model's fault. It never holds the answer to a question,
and takes words as literally as `shapes` does.
"""

from collections.abc import Sequence
from functools import lru_cache

from visrep.env.faults import UserFault
from visrep.env.perception import Answer, Detection, Perception, View, nlvr, objects
from visrep.env.perception.perturbed import Perturbed
from visrep.env.types import Scene


class Annotated:
    """The backend. Raises UserFault for a picture without a scene. Annotations have no depth: it is 1 everywhere."""

    def __init__(self) -> None:
        self.identity = f"scene {objects.revision(__file__, nlvr.__file__)}"

    def find(self, views: Sequence[View], names: Sequence[str]) -> list[tuple[Detection, ...]]:
        return [objects.find(_scene(view), view.box, name) for view, name in zip(views, names, strict=True)]

    def query(
        self, views: Sequence[View], questions: Sequence[str], choices: Sequence[tuple[str, ...] | None]
    ) -> list[Answer]:
        asked = zip(views, questions, choices, strict=True)
        return [objects.query(_scene(view), view.box, question, offered) for view, question, offered in asked]

    def match(self, views: Sequence[View], texts: Sequence[tuple[str, ...]]) -> list[tuple[float, ...]]:
        return [objects.match(_scene(view), view.box, group) for view, group in zip(views, texts, strict=True)]

    def depth(self, views: Sequence[View]) -> list[float]:
        return [1.0 for _ in views]


def load(noise: float = 0.0, seed: int = 0) -> Perception:
    """The backend; with `noise`, this share of its replies is wrong, the same ones for the same seed."""
    if not 0 <= noise <= 1:
        raise UserFault(f"noise is {noise}; expected a share of the replies from 0 to 1")
    return Perturbed(Annotated(), seed, noise) if noise else Annotated()


def _scene(view: View) -> Scene:
    scene = view.picture.scene
    if scene is None:
        raise UserFault(
            f"{view.picture} has no annotated scene; choose the backend 'shapes' or a split of images that has scenes"
        )
    return _with_groups(scene)


@lru_cache(8192)
def _with_groups(scene: Scene) -> Scene:
    return nlvr.with_groups(scene)
