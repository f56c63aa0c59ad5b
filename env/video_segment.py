"""The visual API for video as programs see it; its signatures and docstrings are the prompt's API text.

Runs in the program's locked process, as `image_patch.py` does, and imports nothing but that and the standard library.
Names and rules follow ViperGPT (Surís et al., ICCV 2023). A segment is a run of sampled frames, each an opaque handle:
cutting and indexing need no host, and a frame is decoded there when it is first asked about.

Indices count the frames of the segment from 0, whatever it was trimmed from; only `start` and `end` are in the frames
of the whole video. What lies beyond a segment is clipped to it, and -1 is its last frame.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from typing import Any

from visrep.env import image_patch
from visrep.env.image_patch import ImagePatch

__all__ = ["VideoSegment"]


class VideoSegment:
    """Frames of a video: num_frames of them, from start to end of the whole. Indices count from 0 in the segment."""

    __slots__ = ("_frames", "end", "num_frames", "start")

    start: int
    end: int
    num_frames: int
    _frames: Sequence[ImagePatch]

    def __new__(cls, video: VideoSegment, start: int | None = None, end: int | None = None) -> VideoSegment:
        if type(video) is not VideoSegment:
            raise TypeError("VideoSegment: video should be the VideoSegment that execute_command was given")
        return video if start is None and end is None else video.trim(start, end)

    def __repr__(self) -> str:
        return f"VideoSegment({self.start}, {self.end})"

    def frame_iterator(self) -> Iterator[ImagePatch]:
        """The frames, one after the other."""
        return iter(self._frames)

    def frame_from_index(self, index: int) -> ImagePatch:
        """The frame at the index; -1 is the last."""
        if not self._frames:
            raise IndexError("frame_from_index: the segment has no frames")
        return self._frames[min(max(operator.index(index), -self.num_frames), self.num_frames - 1)]

    def trim(self, start: int | None = None, end: int | None = None) -> VideoSegment:
        """The frames from index start up to, but not including, index end."""
        first = 0 if start is None else min(max(operator.index(start), 0), self.num_frames)
        last = self.num_frames if end is None else min(max(operator.index(end), first), self.num_frames)
        return _segment(self._frames[first:last], self.start + first)

    def select_answer(self, info: dict[str, Any], question: str, options: list[str]) -> str:
        """The option that a language model picks, which is told the info and does not see the video."""
        known = "\n".join(f"{key}: {value}" for key, value in info.items())
        return image_patch._ask("select_answer", known, question, list(options))  # type: ignore[no-any-return]


def _segment(frames: Sequence[ImagePatch], start: int = 0) -> VideoSegment:
    """The segment of these frames, the first of which has the number `start` in the whole video."""
    segment = object.__new__(VideoSegment)
    segment._frames, segment.num_frames = frames, len(frames)
    segment.start, segment.end = start, start + len(frames)
    return segment
