"""Opening vision models: a folder, or a name on the hub with its revision, becomes a model on its device.

Whatever is wrong is one line: a UserFault for what a recipe can put right (no such model, one of another architecture,
damaged files, no accelerator, too little memory), a MachineFault for a model that breaks at work.

Modules of backends import torch and transformers only when they load a model. The two take seconds and 400 MB, and a
recipe's backends are imported whenever it is checked.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from visrep.env.faults import Fault, MachineFault, UserFault
from visrep.env.snapshot import SAFETENSORS, TEXTS, is_name, snapshot

DTYPES = ("auto", "float32", "float16", "bfloat16")

_WEIGHTS = ("*.safetensors", "*.bin")

_TOKENIZERS = ("tokenizer.json", "vocab.json", "vocab.txt", "tokenizer.model", "spiece.model")

_WHOLE, _SAMPLES, _SAMPLE = 2**20, 256, 4096
"""Of a file of more than a megabyte, so many samples of so many bytes tell it from another: training moves every
weight, and a checkpoint of 15 GB is known in a blink."""

_NO_ROOM = ("out of memory", "can't allocate memory", "not enough memory")

_MOST_MISSING = 0.05
"""Share of a model's tensors that a checkpoint may lack: some that are never used are left out of published ones (the
first fusion layer of Intel/dpt-large), and transformers warns of each."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Opened:
    """A model on its device, ready to be asked, with its processor. `identity` names architecture, weights, precision
    and what prepares images, since Pillow's results and torchvision's differ a little."""

    name: str
    model: Any
    processor: Any
    identity: str

    @property
    def image_processor(self) -> Any:
        """What makes tensors of images."""
        return _of_images(self.processor)

    def inputs(self, features: Mapping[str, Any]) -> dict[str, Any]:
        """The tensors on the model's device, those of floating point in its precision."""
        place, precision = self.model.device, self.model.dtype
        return {
            name: tensor.to(place, precision) if tensor.is_floating_point() else tensor.to(place)
            for name, tensor in features.items()
        }

    @contextmanager
    def working(self) -> Iterator[None]:
        """For what asks the model: no gradients are kept, and whatever it raises is a MachineFault with its message."""
        import torch

        try:
            with torch.inference_mode():
                yield
        except Fault:
            raise
        except Exception as error:
            if _is_no_room(error):
                remedy = f"lower its option 'batch' or give it a device of its own ({_words(error)})"
                raise MachineFault(f"{self.name} ran out of memory on {self.model.device}; {remedy}") from error
            raise MachineFault(f"{self.name} broke: {_words(error)}") from error


def opened(
    model: str,
    revision: str | None,
    device: str,
    dtype: str,
    architectures: Sequence[str],
    processor: Callable[[Path], Any] | None = None,
) -> Opened:
    """The model, in evaluation mode, and its processor, by default transformers' own for it.

    `model` is a folder in the hub's layout, or a name on the hub, then with `revision`, a commit, tag or branch.
    `device` is "auto" (a GPU, which has to be there), "cpu", "cuda" or "cuda:N"; `dtype` one of DTYPES, where "auto" is
    float32 on a CPU and the checkpoint's own on a GPU. `architectures` are the classes of transformers that will do.
    Prints one line that says where the model is. Raises UserFault for whatever keeps it from being opened.
    """
    place = _device(device)
    if dtype not in DTYPES:
        raise UserFault(f"option 'dtype' is {dtype!r}; expected one of: {', '.join(DTYPES)}")
    folder = _folder(model, revision)
    architecture = _architecture(folder, model, architectures)
    import transformers
    from transformers.utils import logging

    logging.disable_progress_bar()
    with _opening(model, place):
        precision = "float32" if dtype == "auto" and place == "cpu" else dtype
        kind = getattr(transformers, architecture)
        loaded, report = kind.from_pretrained(folder, dtype=precision, output_loading_info=True)
        loaded = loaded.to(place).eval()
        read = (processor or transformers.AutoProcessor.from_pretrained)(folder)
        _check_whole(model, folder, loaded, report["missing_keys"], read)
        version = _version(folder)
    if precision == "auto":
        precision = str(loaded.dtype).removeprefix("torch.")
    print(f"{model} ({architecture}, {precision}) is on {_told(place)}", file=sys.stderr)
    return Opened(model, loaded, read, f"{architecture} {version} {precision} {type(_of_images(read)).__name__}")


def batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """The items, at most `size` at a time."""
    return (items[start : start + size] for start in range(0, len(items), size))


def share(name: str, value: Any) -> float:
    """The value of an option that goes from 0 to 1. Raises UserFault for another."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise UserFault(f"option {name!r} is {value!r}; expected a number from 0 to 1")
    return float(value)


def count(name: str, value: Any) -> int:
    """The value of an option that counts something. Raises UserFault for another than a whole number from 1 on."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UserFault(f"option {name!r} is {value!r}; expected a whole number from 1 on")
    return value


def _of_images(processor: Any) -> Any:
    """The part of a processor that prepares images; all of it where a model reads no text."""
    return getattr(processor, "image_processor", processor)


def _device(device: str) -> str:
    import torch

    number = device.removeprefix("cuda:")
    if device not in ("auto", "cpu", "cuda") and not (device.startswith("cuda:") and number.isdecimal()):
        raise UserFault(f"option 'device' is {device!r}; expected auto, cpu, cuda or cuda:N")
    if device == "cpu":
        return device
    if not torch.cuda.is_available():
        raise UserFault(
            f"option 'device' is {device!r}, but torch sees no GPU; set device = 'cpu' to have this model work on the "
            "processor, many times slower"
        )
    place = "cuda:0" if device in ("auto", "cuda") else device
    if int(place.removeprefix("cuda:")) >= torch.cuda.device_count():
        raise UserFault(f"option 'device' is {device!r}, but torch sees {torch.cuda.device_count()} of them, from 0 on")
    return place


def _told(place: str) -> str:
    import torch

    return place if place == "cpu" else f"{place} ({torch.cuda.get_device_name(place)})"


def _folder(model: str, revision: str | None) -> Path:
    """Where the files are, fetched if need be."""
    path = Path(model)
    if path.is_dir():
        return path
    if not is_name(model):
        raise UserFault(f"option 'model' is {model!r}, which is no folder; name a model's folder or one on the hub")
    return snapshot(model, revision, (SAFETENSORS, "pytorch_model*.bin"))


def _architecture(folder: Path, model: str, architectures: Sequence[str]) -> str:
    """The class of transformers that the folder holds the weights of."""
    config = folder / "config.json"
    try:
        named = json.loads(config.read_text(encoding="utf-8")).get("architectures")
    except (OSError, ValueError, AttributeError) as error:
        raise UserFault(f"{config} is missing or no model's configuration ({error}); fetch the model again") from None
    found = str(named[0]) if isinstance(named, list) and named else "of no architecture that it names"
    if found not in architectures:
        raise UserFault(f"model {model!r} is {found}; this backend works with {', '.join(architectures)}")
    return found


def _check_whole(model: str, folder: Path, loaded: Any, missing: Sequence[str], processor: Any) -> None:
    whole = len(loaded.state_dict())
    if len(missing) > _MOST_MISSING * whole:
        found = f"lacks {len(missing)} of its {whole} tensors, {min(missing)} among them"
        raise UserFault(f"model {model!r} {found}; fetch it again")
    # Without any of these files transformers makes do with a tokenizer that knows no words.
    if hasattr(processor, "tokenizer") and not any((folder / name).exists() for name in _TOKENIZERS):
        raise UserFault(f"model {model!r} lacks its tokenizer (tokenizer.json); fetch it again")


@contextmanager
def _opening(model: str, place: str) -> Iterator[None]:
    try:
        yield
    except Fault:
        raise
    except Exception as error:  # whatever a file may hold that should not be there
        if _is_no_room(error):
            remedy = f"take a smaller model, dtype = 'float16' or another device ({_words(error)})"
            raise UserFault(f"model {model!r} does not fit into the memory of {place}; {remedy}") from error
        raise UserFault(f"model {model!r} cannot be opened ({_words(error)}); fetch it again, or another") from error


def _is_no_room(error: Exception) -> bool:
    return isinstance(error, MemoryError) or any(words in str(error).lower() for words in _NO_ROOM)


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def _version(folder: Path) -> str:
    """What tells these weights and settings from others: the commit of what the hub gave, else a digest of the files,
    whatever the folder is called."""
    if folder.parent.name == "snapshots":
        return folder.name
    digest = hashlib.sha256()
    for file in sorted(file for pattern in (*TEXTS, *_WEIGHTS) for file in folder.glob(pattern)):
        size = file.stat().st_size
        digest.update(f"{file.name} {size} ".encode())
        with file.open("rb") as data:
            for number in range(_SAMPLES if size > _WHOLE else 1):
                data.seek(size * number // _SAMPLES)
                digest.update(data.read(_SAMPLE if size > _WHOLE else _WHOLE))
    return digest.hexdigest()[:32]
