"""Writes drawn scenes and questions as a data set in GQA's official layout, so that one loader reads both.

    ROOT/{split}_balanced_questions.json    question id -> question
    ROOT/{split}_sceneGraphs.json           image id -> scene graph, boxes from the top-left corner
    ROOT/images/{image id}.png
    ROOT/drawn.json                         what it was drawn from

The format is that of https://cs.stanford.edu/people/dorarad/gqa/download.html. Questions that belong to one task have
equal text and name each other under `equivalent`.
"""

from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

from visrep.env.drawn.description import fitting, is_above, is_left
from visrep.env.drawn.folder import check_counts, dump, make
from visrep.env.drawn.pairing import Picks, pair
from visrep.env.drawn.questions import Form, Step
from visrep.env.drawn.scene import generate, render
from visrep.env.faults import UserFault
from visrep.env.types import Scene, SceneObject

SPLITS = ("train", "val", "testdev")

VERSION = 1
"""Of the drawings: raised when equal settings come to give other scenes or questions."""


def draw(
    root: Path,
    *,
    seed: int,
    tasks_per_category: Mapping[str, int],
    instances: int,
    scenes: Mapping[str, int] | None = None,
) -> None:
    """Draw a data set into the folder `root`, which appears whole or not at all.

    `tasks_per_category` and `scenes` say how many for each split; splits share no scene and no question text. Each
    task asks one question of `instances` scenes with different answers. Does nothing where `root` already holds
    the data set of these settings. Raises UserFault where it holds anything else, or where the scenes are too few.
    """
    check_counts(SPLITS, tasks_per_category, instances)
    if scenes is None:
        # Ten scenes to a task of each category are enough to find the rarer answers.
        scenes = {split: max(60, 10 * count) for split, count in tasks_per_category.items()}
    if set(scenes) != set(tasks_per_category) or min(scenes.values()) < 1:
        raise UserFault(f"found numbers of scenes {dict(scenes)}; give one of at least 1 for each split with tasks")
    manifest = {
        "version": VERSION,
        "seed": seed,
        "scenes": dict(scenes),
        "tasks_per_category": dict(tasks_per_category),
        "instances": instances,
    }
    make(root, manifest, lambda folder: _write(folder, manifest))


def _write(root: Path, manifest: dict[str, Any]) -> None:
    (root / "images").mkdir()
    taken: set[str] = set()
    for split in sorted(manifest["scenes"], key=SPLITS.index, reverse=True):  # train gets what the others leave
        seed = f"{manifest['seed']}/{split}"
        scenes = {f"{split}-{n:05d}": generate(f"{seed}/{n}") for n in range(manifest["scenes"][split])}
        pairings = pair(
            list(scenes.values()), manifest["tasks_per_category"][split], manifest["instances"], taken, Random(seed)
        )
        for image, scene in scenes.items():
            render(scene).save(root / "images" / f"{image}.png")
        dump(root / f"{split}_sceneGraphs.json", {image: graph(scene) for image, scene in scenes.items()})
        dump(root / f"{split}_balanced_questions.json", _questions(split, pairings, scenes))


def graph(scene: Scene) -> dict[str, Any]:
    """The scene as a scene graph of GQA's form, boxes from the top-left corner."""
    return {
        "width": scene.width,
        "height": scene.height,
        "objects": {
            thing.id: {
                "name": thing.name,
                "x": int(thing.box.left),
                "y": int(scene.height - thing.box.upper),
                "w": int(thing.box.right - thing.box.left),
                "h": int(thing.box.upper - thing.box.lower),
                "attributes": list(thing.attributes),
                "relations": [
                    {"name": name, "object": other.id}
                    for other in scene.objects
                    if other is not thing
                    for name in _relations(thing, other)
                ],
            }
            for thing in scene.objects
        },
    }


def _relations(one: SceneObject, other: SceneObject) -> list[str]:
    left, above = is_left(one, other), is_above(one, other)
    across = {True: ["to the left of"], False: ["to the right of"], None: []}[left]
    return across + {True: ["above"], False: ["below"], None: []}[above]


def _questions(split: str, pairings: list[tuple[Form, Picks]], scenes: Mapping[str, Scene]) -> dict[str, Any]:
    images = list(scenes)
    questions = {}
    for task, (form, picks) in enumerate(pairings):
        ids = [f"{split}-{task:05d}-{number}" for number in range(len(picks))]
        for own, (index, answer) in zip(ids, picks, strict=True):
            steps = [_step(step, scenes[images[index]]) for step in form.steps]
            questions[own] = {
                "semantic": steps,
                "entailed": [],
                "equivalent": ids,
                "question": form.text,
                "imageId": images[index],
                "isBalanced": True,
                "groups": {"global": form.category, "local": f"{task:05d}-{form.category}"},
                "answer": answer,
                "semanticStr": "->".join(_step_text(step) for step in steps),
                "annotations": {"answer": {}, "question": {}, "fullAnswer": {}},
                "types": {"structural": form.structural, "semantic": form.semantic, "detailed": form.category},
                "fullAnswer": form.sentence(answer),
            }
    return questions


def _step(step: Step, scene: Scene) -> dict[str, Any]:
    argument = step.argument
    if step.selects is not None:
        argument += f" ({','.join(thing.id for thing in fitting(step.selects, scene)) or '-'})"
    return {"operation": step.operation, "dependencies": list(step.dependencies), "argument": argument}


def _step_text(step: dict[str, Any]) -> str:
    before = ",".join(map(str, step["dependencies"]))
    return f"{step['operation']}: {step['argument']}" + (f" [{before}]" if before else "")
