"""The frames of a video as pictures: sampled evenly in time, and decoded when they are first looked at.

Frame number i is what a player shows i steps after the first frame: the last one whose timestamp is not later. A step
is the time between two frames of the rate, or longer where the video would have more of them than the rate allows.
ViperGPT samples NExT-QA so (Surís et al., ICCV 2023; configs/benchmarks/nextqa.yaml in github cvlab-columbia/viper): a
frame a second, and 30 frames spread over the whole of a longer video.

A program has the handles of all frames from the beginning, but must ask something of one for it to be decoded: which is
a call, and counted as such.
"""

import weakref
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import ceil
from pathlib import Path
from typing import Any

import av
import numpy as np

from visrep.env.faults import UserFault
from visrep.env.perception.picture import Picture, Pixels
from visrep.env.types import Instance

_KEPT_BYTES = 8 << 20
"""Pixels of a video that are kept: its programs ask several things of a frame, and of those around it."""

_NEAR_SECONDS = 10
"""So far ahead, decoding on takes no longer than finding the key frame before: these are seconds apart themselves."""

_MISSING_SECONDS = 1
"""A video whose frames end so much earlier than its header says is cut off."""


@dataclass(frozen=True, slots=True)
class FrameRate:
    """How videos are sampled: `per_second` frames of each second, but no more than `most` of a video."""

    per_second: float = 1.0
    most: int = 30


DEFAULT = FrameRate()


class Frame(Picture):
    """One sampled frame. It decodes when its pixels are asked for, and lets its video decide how long to keep them."""

    def __init__(self, video: "Video", number: int, seconds: Fraction) -> None:
        super().__init__(video.path)
        self._video = video
        self._number = number
        self._seconds = seconds

    def __str__(self) -> str:
        return f"frame {self._number} of video {self.path}"

    @property
    def name(self) -> str:
        """What to call it in few words."""
        return f"{self.path.name}, frame {self._number}"

    @property
    def pixels(self) -> Pixels:
        """Height × width × 3, RGB, row 0 at the top."""
        return self._video.pixels(self._seconds)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels, equal for all frames of a video."""
        return self._video.size


def frames(path: Path, rate: FrameRate = DEFAULT) -> tuple[Frame, ...]:
    """The sampled frames of a video file. They share one decoder, which is closed with the last of them.

    Raises UserFault, naming the file: at once when it is missing or shows nothing, later when a frame turns out to be
    damaged or missing.
    """
    video = Video(path)
    seconds = video.seconds
    step = max(1 / Fraction(rate.per_second), seconds / rate.most)
    return tuple(Frame(video, number, number * step) for number in range(max(1, ceil(seconds / step))))


def pictures(instance: Instance, rate: FrameRate = DEFAULT) -> Sequence[Picture]:
    """An instance's images, or the sampled frames of its video. Raises UserFault for a video, as `frames` does."""
    return [Picture(path) for path in instance.images] if instance.video is None else frames(instance.video, rate)


class Video:
    """An open video file, decoded forwards from wherever it stands."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._kept: OrderedDict[int, Pixels] = OrderedDict()
        self._decoded: Iterator[Any] = iter(())
        self._shown: Any = None
        self._coming: Any = None
        with self._watched():
            self._container = av.open(str(path))
            weakref.finalize(self, self._container.close)  # it and its streams hold each other until they are collected
            if not self._container.streams.video:
                raise UserFault(f"{path} has no video in it; replace the file")
            self._stream = self._container.streams.video[0]
            self._decode()
            if self._shown is None:
                raise UserFault(f"video {path} has no frames; fetch the file again")
        self._first: Any = self._shown

    @cached_property
    def seconds(self) -> Fraction:
        """How long it is, by its header; where that does not say, all of it is read once, though not decoded."""
        if self._stream.duration:
            return self._time(self._stream.duration)
        with self._watched():
            self._container.seek(self._first.pts, stream=self._stream)
            packets = (packet for packet in self._container.demux(self._stream) if packet.pts is not None)
            end = max(packet.pts + (packet.duration or 0) for packet in packets)
            self._rewind(self._first.pts)
        return self._time(end - self._first.pts)

    @cached_property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels, as shown: phones film upright by turning the picture."""
        height, width, _ = self.pixels(Fraction(0)).shape
        return width, height

    def pixels(self, seconds: Fraction) -> Pixels:
        """What is shown so many seconds after the first frame: height × width × 3, RGB, row 0 at the top."""
        due = self._first.pts + int(seconds / self._stream.time_base)
        if due not in self._kept:
            with self._watched():
                self._kept[due] = self._converted(self._at(due))
            while len(self._kept) > max(1, _KEPT_BYTES // self._kept[due].nbytes):
                self._kept.popitem(last=False)
        self._kept.move_to_end(due)
        return self._kept[due]

    def _at(self, due: int) -> Any:
        """The last frame whose timestamp, in the stream's unit, is not later."""
        here = self._shown
        if here is None or not here.pts <= due <= here.pts + _NEAR_SECONDS / self._stream.time_base:
            self._rewind(due)
        while self._coming is not None and self._coming.pts <= due:
            self._shown, self._coming = self._coming, next(self._decoded, None)
        end = self._shown.pts + (self._shown.duration or 0)
        if self._coming is None and self._time(due - end) > _MISSING_SECONDS:
            there, said = float(self._time(end - self._first.pts)), float(self.seconds)
            raise UserFault(f"video {self.path} should be {said:.1f} s long, but ends at {there:.1f} s; fetch it again")
        return self._shown

    def _rewind(self, due: int) -> None:
        """Go to the key frame before this timestamp; to the beginning where the file's index misleads."""
        for place in (due, self._first.pts):
            self._container.seek(place, stream=self._stream)
            self._decode()
            if self._shown is not None and self._shown.pts <= due:
                return
        raise UserFault(f"video {self.path} cannot be gone back in; fetch the file again")

    def _decode(self) -> None:
        """Decode from here on. Of what comes one frame is known ahead, to see for how long the one before is shown."""
        self._shown = None  # what it was says nothing of where the decoder stands, should it fail now
        self._decoded = (frame for frame in self._container.decode(self._stream) if frame.pts is not None)
        self._shown, self._coming = next(self._decoded, None), next(self._decoded, None)

    def _converted(self, frame: Any) -> Pixels:
        """The frame's pixels, turned as it is to be shown; one of another size, as in a spliced video, is scaled."""
        pixels = frame.to_ndarray(format="rgb24", width=self._first.width, height=self._first.height)
        return np.ascontiguousarray(np.rot90(pixels, round(self._first.rotation / 90)))

    def _time(self, units: int) -> Fraction:
        """Seconds of so many of the stream's units."""
        return Fraction(units * self._stream.time_base)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        try:
            yield
        except av.FileNotFoundError:
            raise UserFault(f"video {self.path} is missing; check the data set's video folder") from None
        except av.FFmpegError as error:
            raise UserFault(f"video {self.path} cannot be read ({error.strerror}); fetch the file again") from None
