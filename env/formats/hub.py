"""Data sets through Hugging Face `datasets`: by their name on the hub, or a local folder in a form that it reads.

A split is copied while it is first gone through: images into files named by a hash of their content, so that each is
there once, and rows as JSON lines beside them. From then on the copy is read, without a network and always with the
same rows; remove it to fetch a set anew. A local folder is copied again when one of its files has changed.
"""

import hashlib
import io
import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec  # type: ignore[import-untyped]  # that of `datasets`, for files on the hub and on disk
from PIL import Image, UnidentifiedImageError

from visrep.env import jsonl
from visrep.env.faults import MachineFault, UserFault


def rows(
    name: str, split: str, images: Path, *, config: str | None = None, columns: Sequence[str] = ()
) -> Iterator[dict[str, Any]]:
    """The rows of a split, in order and in flat memory; `config` is a configuration of the set, where it has several,
    and `columns` are the ones to take, all of them if none are named. An image is given as the path of its file in the
    folder `images`, a class label as its name.

    Raises UserFault at once for a set, split, configuration or column that is not there or cannot be had, and where
    there is no network; later, UserFault for a damaged set and MachineFault when the disk refuses the copy.
    """
    made_from = json.dumps([name, config, split, list(columns), _files(Path(name))])
    copy = images / f"{split}-{hashlib.sha256(made_from.encode()).hexdigest()[:16]}.jsonl"
    if copy.is_file():
        return _copied(copy)
    features, stream = _opened(name, split, config, columns)
    return _copying(copy, features, stream, f"{name}, split {split}")


def _files(folder: Path) -> list[tuple[str, int, int]]:
    """What tells a local folder from itself as it was; nothing for a name on the hub."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return [(str(path.relative_to(folder)), path.stat().st_size, path.stat().st_mtime_ns) for path in found]


def _copied(copy: Path) -> Iterator[dict[str, Any]]:
    lines = jsonl.read(copy)
    image_columns = next(lines)
    return (_placed(row, image_columns, copy.parent) for row in lines)


def _copying(
    copy: Path, features: dict[str, Any], stream: Iterator[dict[str, Any]], name: str
) -> Iterator[dict[str, Any]]:
    images = copy.parent
    image_columns = [column for column, feature in features.items() if _holds_images(feature)]
    try:
        images.mkdir(parents=True, exist_ok=True)
        with _appearing(copy) as temporary, temporary.open("w", encoding="utf-8") as file:
            file.write(json.dumps(image_columns) + "\n")
            for number, row in enumerate(stream, 1):
                where = f"{name}: row {number}"
                kept = {column: _kept(value, features.get(column), images, where) for column, value in row.items()}
                file.write(_line(kept, where))
                yield _placed(kept, image_columns, images)
    except OSError as error:
        raise MachineFault(f"cannot write {images}: {error.strerror}; choose a writable place with space") from error


@contextmanager
def _appearing(path: Path) -> Iterator[Path]:
    """A place to write a file that appears as `path` when it is done, and not at all if it never is."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _opened(
    name: str, split: str, config: str | None, columns: Sequence[str]
) -> tuple[dict[str, Any], Iterator[dict[str, Any]]]:
    """The features of a split's columns, and its rows with images as bytes."""
    from datasets import load_dataset  # a second to import, and only sets that are read through it need it

    with _asked(name, split):
        dataset = load_dataset(name, config, split=split, streaming=True)
        if columns:
            dataset = dataset.select_columns(list(columns))
        dataset = dataset.decode(False)
        return dict(dataset.features or {}), _streamed(iter(dataset), name, split)


def _streamed(stream: Iterator[dict[str, Any]], name: str, split: str) -> Iterator[dict[str, Any]]:
    while True:
        with _asked(name, split):
            row = next(stream, None)
        if row is None:
            return
        yield row


@contextmanager
def _asked(name: str, split: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # `datasets`, Arrow, the hub's client and the network share no other class of theirs
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise UserFault(
            f"split {split!r} of {name!r} cannot be read ({reason}); expected a local folder that `datasets` reads, or "
            "a name on the Hugging Face hub, which takes a network and, where the set is gated, `hf auth login`"
        ) from error


def _holds_images(feature: Any) -> bool:
    import datasets

    return isinstance(feature, datasets.Image) or (
        isinstance(feature, datasets.List) and isinstance(feature.feature, datasets.Image)
    )


def _kept(value: Any, feature: Any, images: Path, where: str) -> Any:
    """A value as the copy has it: an image by its file's name, a class label by its own."""
    import datasets

    if value is None:
        return None
    if isinstance(feature, datasets.Image):
        return _stored(value, images, where)
    if isinstance(feature, datasets.List):
        return [_kept(item, feature.feature, images, where) for item in value]
    return feature.int2str(value) if isinstance(feature, datasets.ClassLabel) else value


def _stored(image: dict[str, Any], images: Path, where: str) -> str:
    """The name of the file with these bytes, which is written unless it is there."""
    data = image["bytes"]
    try:
        if data is None:  # image folders name files
            with fsspec.open(image["path"], "rb") as file:
                data = file.read()
        with Image.open(io.BytesIO(data)) as opened:
            kind = str(opened.format).lower()
    except (OSError, UnidentifiedImageError) as error:
        raise UserFault(f"{where} has an image that cannot be read ({error}); fetch the set again") from None
    path = images / f"{hashlib.sha256(data).hexdigest()[:32]}.{kind}"
    if not path.is_file():
        with _appearing(path) as temporary:
            temporary.write_bytes(data)
    return path.name


def _line(row: dict[str, Any], where: str) -> str:
    try:
        return json.dumps(row, ensure_ascii=False) + "\n"
    except TypeError as error:
        raise UserFault(f"{where}: {error}; name the columns to take, without this one") from None


def _placed(row: dict[str, Any], image_columns: Sequence[str], images: Path) -> dict[str, Any]:
    """The row with paths in place of files' names."""
    found = {column: row[column] for column in image_columns if row[column] is not None}
    return row | {
        column: [str(images / name) for name in value] if isinstance(value, list) else str(images / value)
        for column, value in found.items()
    }
