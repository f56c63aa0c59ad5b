"""What NLVR's pictures hold beside their objects: three grey boxes, and the towers that blocks are stacked into.

Neither is annotated, so both are told from the layout, which every picture of the corpus shares.
"""

from collections.abc import Sequence

from visrep.env.perception.objects import GROUP
from visrep.env.types import Box, Scene, SceneObject

SIZE = (400, 100)
"""Width and height of every picture."""

BOXES = tuple(Box(left, 0, left + 100, 100) for left in (0, 150, 300))
"""Where the grey boxes are; the ground between them is darker."""

_APART = 2
"""Blocks of a tower stand a pixel apart."""


def groups(things: Sequence[SceneObject]) -> tuple[SceneObject, ...]:
    """The boxes and towers of a picture with these objects."""
    boxes = (SceneObject(f"{GROUP}box {number}", "box", box, ("gray",)) for number, box in enumerate(BOXES))
    return (*boxes, *_towers(things))


def with_groups(scene: Scene) -> Scene:
    """The scene with its boxes and towers, if it has the size of NLVR's."""
    if (scene.width, scene.height) != SIZE:
        return scene
    return Scene(scene.width, scene.height, scene.objects + groups(scene.objects))


def _towers(things: Sequence[SceneObject]) -> list[SceneObject]:
    """Stacks of squares from the floor up. A lone block is one only where nothing in the picture stands elsewhere."""
    blocks = [thing for thing in things if thing.name == "square"]
    stacks = [_stack(block, blocks) for block in blocks if block.box.lower <= _APART]
    built = len(things) == sum(map(len, stacks))
    return [
        SceneObject(f"{GROUP}tower {number}", "tower", _around(stack))
        for number, stack in enumerate(stacks)
        if built or len(stack) > 1
    ]


def _stack(lowest: SceneObject, blocks: Sequence[SceneObject]) -> list[SceneObject]:
    stack = [lowest]
    for block in sorted(blocks, key=lambda one: one.box.lower):
        box, under = block.box, stack[-1].box
        aligned = abs(box.left - under.left) <= _APART and abs(box.right - under.right) <= _APART
        if aligned and 0 <= box.lower - under.upper <= _APART:
            stack.append(block)
    return stack


def _around(stack: Sequence[SceneObject]) -> Box:
    boxes = [block.box for block in stack]
    return Box(
        min(box.left for box in boxes),
        min(box.lower for box in boxes),
        max(box.right for box in boxes),
        max(box.upper for box in boxes),
    )
