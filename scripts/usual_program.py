"""One program in an interpreter of its own, with perception loaded for it alone: what `usual_loop.py` starts for each.

Reads a pickled (task, program, name of the perception backend, its options) and prints the reward. Imports no more
than it needs, as its start is most of what it costs.
"""

import importlib
import pickle
import sys
from typing import Any

from visrep import reward
from visrep.env import image_patch
from visrep.env.perception.picture import Picture
from visrep.env.perception.service import Service
from visrep.env.types import Instance, Task
from visrep.env.visual_api import Session

_CALLS, _PATCHES = 256, 4096


def main() -> None:
    """1 if the program is right on all instances."""
    task, program, backend, options = pickle.load(sys.stdin.buffer)
    service = Service(importlib.import_module(f"visrep.env.perception.{backend}").load(**options))
    print(int(all(_right(task, instance, program, service) for instance in task.instances)))


def _right(task: Task, instance: Instance, program: str, service: Service) -> bool:
    session = Session([Picture(path) for path in instance.images], _CALLS, _PATCHES)

    def ask(method: str, *arguments: Any) -> Any:
        pending = session.ask(method, arguments)
        return session.answer(pending, service.answer(pending.requests), 0.0)

    image_patch.connect(ask)
    scope: dict[str, Any] = {name: getattr(image_patch, name) for name in image_patch.__all__}
    patches = [image_patch._patch(reply) for reply in session.images()]
    offered = {"image": patches[0], "images": patches}
    try:
        exec(program, scope)
        names = task.question.signature.partition("(")[2].rstrip(")").split(", ")
        value = scope["execute_command"](*(offered[name] for name in names))
        return reward.score(task, instance, value).reward == 1
    except Exception:
        return False


if __name__ == "__main__":
    main()
