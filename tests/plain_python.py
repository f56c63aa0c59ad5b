"""Runs programs in this very interpreter, with no sandbox at all: what they are compared with.

    python plain_python.py IMAGE < a JSON list of programs > a JSON list of [outcome, value or exception's name]

Run it with PYTHONHASHSEED=0: programs may iterate over sets.
"""

import json
import random
import sys
from pathlib import Path
from typing import Any

from visrep.env import image_patch
from visrep.env.perception import scripted
from visrep.env.perception.picture import Picture
from visrep.env.perception.service import Service
from visrep.env.visual_api import Misuse, Session


def main() -> None:
    picture, service = Picture(Path(sys.argv[1])), Service(scripted.load(), scripted.load())
    programs = json.load(sys.stdin)
    out, sys.stdout = sys.stdout, sys.stderr  # programs may print
    json.dump([run(program, picture, service) for program in programs], out)


def run(program: str, picture: Picture, service: Service) -> list[Any]:
    session = Session([picture], 256, 4096)

    def ask(method: str, *arguments: Any) -> Any:
        try:
            pending = session.ask(method, json.loads(json.dumps(arguments)))
        except Misuse as error:
            raise ValueError(str(error)) from None
        return session.answer(pending, service.answer(list(pending.requests)), 0.0)

    image_patch.connect(ask)
    random.seed(0)
    scope: dict[str, Any] = {
        "__name__": "program",
        **{name: getattr(image_patch, name) for name in image_patch.__all__},
    }
    try:
        exec(compile(program, "<program>", "exec", dont_inherit=True), scope)
        value = scope["execute_command"](image_patch._patch(session.images()[0]))
    except Exception as error:
        return ["runtime_error", type(error).__name__]
    return ["ok", session.resolve(plain(value))]


def plain(value: Any) -> Any:
    if isinstance(value, image_patch.ImagePatch):
        return {"patch": value._handle}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


if __name__ == "__main__":
    main()
