"""Replies as texts, and scenes as plain values: as the cache stores them, and as they go from process to process."""

import dataclasses
import json
from typing import Any

from visrep.env.faults import MachineFault
from visrep.env.perception import Answer, Detection, Method
from visrep.env.types import Box, Scene, SceneObject


def corners(box: Box) -> tuple[float, float, float, float]:
    """Left, lower, right and upper, in the box's own frame."""
    return box.left, box.lower, box.right, box.upper


def encoded(method: Method, reply: Any) -> str:
    """A reply as JSON text. Raises MachineFault for one that holds anything but texts and Python's own numbers."""
    try:
        match method:
            case "find":
                return json.dumps([[*corners(detection.box), detection.score] for detection in reply])
            case "query":
                return json.dumps([reply.text, reply.likelihoods])
            case _:
                return json.dumps(reply)
    except (TypeError, ValueError, AttributeError) as error:
        raise MachineFault(f"a reply to {method} cannot be stored ({error}); correct the perception backend") from None


def decoded(method: Method, text: str) -> Any:
    """The reply that was encoded."""
    value = json.loads(text)
    match method:
        case "find":
            return tuple(Detection(Box(*edges), score) for *edges, score in value)
        case "query":
            return Answer(value[0], tuple(value[1]))
        case "match":
            return tuple(value)
        case _:
            return value


def plain_scene(scene: Scene | None) -> dict[str, Any] | None:
    """A scene as JSON data."""
    return None if scene is None else dataclasses.asdict(scene)


def scene_of(value: dict[str, Any] | None) -> Scene | None:
    """The scene that `plain_scene` made plain."""
    if value is None:
        return None
    return Scene(value["width"], value["height"], tuple(_thing(each) for each in value["objects"]))


def _thing(value: dict[str, Any]) -> SceneObject:
    relations = tuple((relation, other) for relation, other in value["relations"])
    return SceneObject(value["id"], value["name"], Box(**value["box"]), tuple(value["attributes"]), relations)
