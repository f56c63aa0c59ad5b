"""Drawn stories as videos: H.264 in MP4."""

from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
from PIL import Image

from visrep.env.drawn.scene import render
from visrep.env.drawn.story import SECONDS, Story
from visrep.env.types import Scene

FRAMES_PER_SECOND = 4

FRAMES = SECONDS * FRAMES_PER_SECOND
"""Of every video."""

_OPTIONS = {"crf": "5", "preset": "veryfast", "mbtree": "0"}
"""Of the encoder: at this quality every shape is seen in every frame as in the picture that the frame was made of. Its
macroblock tree reads memory that nothing was written to (x264 165), so that equal pictures gave other files."""

_PIXELS = "yuv444p"
"""Colours at full resolution: at half of it, as is common, those of small shapes run into the ground's."""


def write(story: Story, path: Path) -> None:
    """Write the story as a video file; equal stories give equal files."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=FRAMES_PER_SECOND, options=_OPTIONS)
        stream.width, stream.height, stream.pix_fmt = story.scene.width, story.scene.height, _PIXELS
        stream.codec_context.thread_count = 1
        for number in range(FRAMES):
            picture = _rendered(story.at(Fraction(number, FRAMES_PER_SECOND)))
            file.mux(stream.encode(av.VideoFrame.from_image(picture)))
        file.mux(stream.encode())


@lru_cache(1)
def _rendered(scene: Scene) -> Image.Image:
    """The picture of a scene; most frames show what the one before did."""
    return render(scene)
