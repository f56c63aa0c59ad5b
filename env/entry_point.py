"""The function that a program has to define: one signature for each shape of a task's inputs."""

from collections.abc import Sequence


def entry_point(images: int, options: Sequence[str] = ()) -> str:
    """The signature for so many images, 0 for a video, and for a question with options: the same in the prompt, in the
    sandbox and in every data set."""
    subject = {0: "video", 1: "image"}.get(images, "images")
    return f"execute_command({subject}, options)" if options else f"execute_command({subject})"
