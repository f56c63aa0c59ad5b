"""Which weights a checkpoint holds, in 64 characters.

An adapter is worth something on the base it was trained on and nothing on another, and no library asks: peft and vLLM
take any base whose shapes fit.
"""

import hashlib
import json
import struct
from pathlib import Path

from visrep.env.faults import UserFault
from visrep.policy.checkpoint import weights

_SAMPLE = 4096
"""Bytes read at either end of a tensor. Training moves every weight, so that other weights show there as anywhere; and
a model of 7 billion weights is known in a blink, where reading its 14 GB takes as long as loading it."""


def fingerprint(folder: Path) -> str:
    """SHA-256 over name, type, shape and samples of every tensor, in hexadecimal; how they are spread over files makes
    no difference. Raises UserFault where the folder has no readable weights."""
    digests: dict[str, bytes] = {}
    for file in weights(folder):
        try:
            digests |= _digests(file)
        except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
            raise UserFault(f"{file} is no safetensors file ({error}); copy it again") from None
    return hashlib.sha256(b"".join(digests[name] for name in sorted(digests))).hexdigest()


def _digests(file: Path) -> dict[str, bytes]:
    """One per tensor. The format: eight bytes with the header's length, a JSON header, then the tensors' bytes."""
    found = {}
    with file.open("rb") as data:
        (length,) = struct.unpack("<Q", data.read(8))
        header = json.loads(data.read(length))
        header.pop("__metadata__", None)
        for name, entry in header.items():
            begin, end = entry["data_offsets"]
            digest = hashlib.sha256(f"{name} {entry['dtype']} {entry['shape']} ".encode())
            for at in (begin, max(begin, end - _SAMPLE)):
                data.seek(8 + length + at)
                digest.update(data.read(min(_SAMPLE, end - begin)))
            found[name] = digest.digest()
    return found
