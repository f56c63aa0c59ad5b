"""What a command is given to look at: images, or one video."""

import mimetypes
from collections.abc import Sequence
from pathlib import Path

from visrep.env.faults import UserFault
from visrep.env.types import Instance


def instance(paths: Sequence[Path]) -> Instance:
    """The files as the inputs of a task, a video told by its name. Raises UserFault for one that cannot be read, so
    that it is said before a policy is loaded, and for a video among others."""
    from visrep.env.perception.video import pictures

    videos = [path for path in paths if str(mimetypes.guess_type(path)[0]).startswith("video/")]
    if videos and len(paths) > 1:
        raise UserFault(f"{videos[0]} is one of {len(paths)} files, and a video; give one video, or images alone")
    given = Instance("given", video=videos[0]) if videos else Instance("given", images=tuple(paths))
    for picture in pictures(given)[:1] if videos else pictures(given):
        _ = picture.size
    return given
