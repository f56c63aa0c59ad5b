"""Running a program again on the replies that it got before: to see its course without any model.

A program is deterministic but for the clock, so it asks the same again; one that does not is over where it departs.
"""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from visrep.env.perception.picture import Picture
from visrep.env.types import Box, Call
from visrep.env.visual_api import Exhausted, Patch, Pending, Session


class Replay(Session):
    """A session whose calls are answered from the log of an earlier one, in order. Wrong arguments are found wrong
    again; a call that is not the recorded one raises Exhausted."""

    def __init__(self, pictures: Sequence[Picture], most_calls: int, most_patches: int, record: Sequence[Call]) -> None:
        super().__init__(pictures, most_calls, most_patches)
        self._record = record

    def ask(self, method: str, arguments: Sequence[Any]) -> Pending:
        """The call, which needs no request any more."""
        pending = super().ask(method, arguments)
        place = len(self.calls)
        if place >= len(self._record) or not _same(pending, self._record[place]):
            raise Exhausted(f"call {place + 1} is not the recorded one")
        if not pending.requests:
            return pending
        result = self._record[place].result
        return dataclasses.replace(pending, requests=(), finish=lambda _: self._again(pending, result))

    def _again(self, pending: Pending, result: Any) -> Any:
        if pending.method != "find" or pending.patch is None:
            return result
        return [self.add(Patch(pending.patch.image, Box(*edges))) for _, *edges in result]


def _same(pending: Pending, call: Call) -> bool:
    place = pending.patch[:2] if pending.patch else (None, None)
    # As JSON, since a log that was stored has lists where there were tuples.
    arguments = json.dumps(pending.arguments) == json.dumps(call.arguments)
    return arguments and (pending.method, *place) == (call.method, call.image, call.box)
