"""Frames of real video files: which ones are sampled, that they are found again, and what is said of broken files."""

import os
import random
import resource
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from visrep.env.faults import UserFault
from visrep.env.perception import View, scene
from visrep.env.perception.picture import Picture
from visrep.env.perception.video import FrameRate, frames
from visrep.env.types import Box

STEP = 2
"""Frame number n of a test's video has the grey level STEP * n."""

LARGE = (640, 480)
"""Pixels, of a frame of which only a few are kept."""


def write(
    path: Path,
    numbers: Sequence[int],
    *,
    codec: str = "libx264",
    rate: int = 10,
    size: tuple[int, int] = (64, 48),
    rotation: int = 0,
    picture: Any = None,
    **options: str,
) -> Path:
    """A video of these frames of a second's `rate`-th parts; those left out let the one before stand still."""
    with av.open(str(path), "w", options={"movflags": "faststart"} if path.suffix == ".mp4" else {}) as file:
        stream = file.add_stream(codec, rate=rate, options={"crf": "5", "g": "7", **options})
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = *size, "yuv420p", 4_000_000
        if rotation:
            stream.set_display_rotation(rotation)
        for number in numbers:
            pixels = np.full((size[1], size[0], 3), STEP * number, np.uint8) if picture is None else picture
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = number
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return path


def resident() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def level(picture: Picture) -> int:
    """Number of the frame that is shown; the colour's way through YUV may lose one grey level."""
    return round(float(picture.pixels.mean()) / STEP + 0.25)


@pytest.mark.parametrize(
    ("file", "codec", "options"),
    [
        ("a.mp4", "libx264", {}),
        ("b.mp4", "libx264", {"bf": "3"}),
        ("c.mp4", "mpeg4", {}),
        ("d.avi", "mpeg4", {}),
        ("e.mkv", "libx264", {}),
        ("f.webm", "libvpx", {}),
        ("g.ts", "libx264", {}),
    ],
)
def test_a_frame_a_second_is_sampled_whatever_the_container(
    tmp_path: Path, file: str, codec: str, options: dict[str, str]
) -> None:
    found = frames(write(tmp_path / file, range(95), codec=codec, **options))
    assert [level(frame) for frame in found] == [0, 10, 20, 30, 40, 50, 60, 70, 80, 90]
    assert {frame.size for frame in found} == {(64, 48)}


def test_a_frame_is_the_same_in_whatever_order_it_is_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", range(120), size=LARGE, preset="ultrafast", bf="3")
    found = frames(path, FrameRate(5, most=60))
    order = [*range(60), *reversed(range(60)), *random.Random(0).sample(range(60), 60)]
    assert [level(found[number]) for number in order] == [2 * number for number in order]


def test_a_frame_stands_until_the_next_ones_time_has_come(tmp_path: Path) -> None:
    found = frames(write(tmp_path / "a.mp4", [0, 3, 9, 11, 20, 34, 36, 40]))
    assert [level(frame) for frame in found] == [0, 9, 20, 20, 40]


def test_a_long_video_is_sampled_over_its_whole_length(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", range(120))
    assert [level(frame) for frame in frames(path, FrameRate(10, most=4))] == [0, 30, 60, 90]
    assert [level(frame) for frame in frames(path, FrameRate(0.5, most=40))] == [0, 20, 40, 60, 80, 100]
    assert len(frames(path, FrameRate(0.01))) == 1


def test_a_video_of_one_frame_has_one(tmp_path: Path) -> None:
    assert len(frames(write(tmp_path / "a.mp4", [0]))) == 1
    assert len(frames(write(tmp_path / "a.mkv", [0]))) == 1


@pytest.mark.parametrize("rotation", [90, -90, 180])
def test_a_video_that_was_filmed_upright_is_seen_upright(tmp_path: Path, rotation: int) -> None:
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[:16, :16] = 255  # top left
    (frame,) = frames(write(tmp_path / "a.mp4", [0], rotation=rotation, picture=pixels))
    turned = np.rot90(pixels, rotation // 90)
    assert frame.size == (turned.shape[1], turned.shape[0])
    assert np.abs(frame.pixels.astype(int) - turned).mean() < 4


def test_a_frame_and_an_image_of_equal_pixels_have_one_digest(tmp_path: Path) -> None:
    first, second, *_ = frames(write(tmp_path / "a.mp4", range(30)))
    Image.fromarray(first.pixels).save(tmp_path / "a.png")
    assert Picture(tmp_path / "a.png").digest == first.digest != second.digest


def test_memory_holds_few_of_the_frames(tmp_path: Path) -> None:
    found = frames(write(tmp_path / "a.mp4", range(120), size=LARGE, preset="ultrafast"), FrameRate(10, most=120))
    assert len({frame.digest for frame in found[:20]}) == 20
    before = resident()
    assert len({frame.digest for frame in found[20:]}) == 100
    assert resident() - before < 30e6  # all of them are 92 MB


def test_the_file_is_closed_with_the_last_frame(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", range(30))
    before = len(os.listdir("/proc/self/fd"))
    found = frames(path)
    last = found[-1]
    del found
    assert level(last) == 20
    assert len(os.listdir("/proc/self/fd")) == before + 1
    del last
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_missing_video_and_one_that_is_none_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserFault, match=r"video .*gone\.mp4 is missing; check the data set's video folder"):
        frames(tmp_path / "gone.mp4")
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(UserFault, match=r"video .*text\.mp4 cannot be read \(Invalid data"):
        frames(tmp_path / "text.mp4")
    with wave.open(str(tmp_path / "sound.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(8000))
    with pytest.raises(UserFault, match=r"sound\.wav has no video in it"):
        frames(tmp_path / "sound.wav")


@pytest.mark.parametrize("share", [0.5, 0.6, 0.7, 0.8, 0.9])
def test_a_video_that_is_cut_off_shows_what_is_there_and_says_what_is_missing(tmp_path: Path, share: float) -> None:
    """Where the cut goes through a frame, that one is broken; else nothing but the header knows of more."""
    whole = write(tmp_path / "whole.mp4", range(120)).read_bytes()
    path, start = tmp_path / "cut.mp4", whole.index(b"mdat")
    path.write_bytes(whole[: start + int((len(whole) - start) * share)])
    found = frames(path)
    assert [level(frame) for frame in found[:5]] == [0, 10, 20, 30, 40]
    with pytest.raises(UserFault, match=r"cut\.mp4 (should be 12\.0 s long, but ends at|cannot be read)"):
        _ = found[-1].pixels
    assert level(found[3]) == 30


def test_a_backend_that_needs_annotation_says_that_a_frame_has_none(tmp_path: Path) -> None:
    _, second = frames(write(tmp_path / "a.mp4", range(20)))
    with pytest.raises(
        UserFault, match=r"frame 1 of video .*a\.mp4 has no annotated scene; choose the backend 'shapes'"
    ):
        scene.load().find([View(second, Box(0, 0, 64, 48))], ["circle"])
