"""What a GGUF file says of itself, read without loading it: scalar metadata and the tensors' shapes.

Follows docs/gguf.md of ggml ("GGUF", versions 2 and 3, little endian). Reads no tensor data and needs no numpy, so the
daemon and the worker can refuse a bad file in one clear line before native code sees it.
"""

import os
import struct
from pathlib import Path
from typing import BinaryIO

import msgspec

from aid.errors import ModelError, ModelMissing

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_MOST = 1 << 24  # no honest file has more keys, dimensions, tensors or a longer string
_LORA_SUFFIXES = (".lora_a", ".lora_b")


class GgufFile(msgspec.Struct, frozen=True, kw_only=True):
    """`metadata` holds scalars and strings, no arrays. Shapes are in GGUF's order, the fastest dimension first."""

    path: Path
    metadata: dict[str, str | int | float | bool]
    shapes: dict[str, tuple[int, ...]]


def read(path: Path, what: str = "model") -> GgufFile:
    """Raises ModelMissing when there is no such file and ModelError when it isn't a whole GGUF file."""
    try:
        with path.open("rb") as file:
            return _read(file, path, what)
    except FileNotFoundError:
        raise ModelMissing(f"{what} file {path} is missing: correct its path in aid.toml") from None
    except OSError as error:
        raise ModelError(f"can't read {what} file {path}: {error.strerror}") from error
    except (struct.error, UnicodeDecodeError, _Malformed) as error:
        raise ModelError(f"{what} file {path} is cut short or damaged: get it again") from error


def check_adapter(path: Path, model: GgufFile) -> None:
    """Raises ModelError unless `path` is a GGUF LoRA adapter whose every matrix fits `model`."""
    adapter = read(path, "adapter")
    if adapter.metadata.get("general.type") != "adapter" or adapter.metadata.get("adapter.type") != "lora":
        raise ModelError(f"{path} is not a LoRA adapter: convert it with llama.cpp's convert_lora_to_gguf.py")
    made_for, architecture = adapter.metadata.get("general.architecture"), model.metadata.get("general.architecture")
    if made_for != architecture:
        raise ModelError(f"adapter {path} is for a {made_for} model and {model.path.name} is {architecture}")
    if not adapter.shapes:
        raise ModelError(f"adapter {path} holds no tensors")
    for name in adapter.shapes:
        base = name.removesuffix(_LORA_SUFFIXES[0]).removesuffix(_LORA_SUFFIXES[1])
        if base == name or not _fits(adapter.shapes, base, model.shapes.get(base)):
            raise ModelError(f"adapter {path} does not fit {model.path.name}: {name} has no matching tensor there")


def _fits(shapes: dict[str, tuple[int, ...]], base: str, of_base: tuple[int, ...] | None) -> bool:
    first, second = (shapes.get(base + suffix) for suffix in _LORA_SUFFIXES)
    if of_base is None or first is None or second is None or not len(of_base) == len(first) == len(second) == 2:
        return False
    return (
        # llama.cpp keeps the embedding's A transposed: it is looked up by row.
        base == "token_embd.weight" or (first[0] == of_base[0] and second[1] == of_base[1] and first[1] == second[0])
    )


class _Malformed(Exception):
    pass


def _read(file: BinaryIO, path: Path, what: str) -> GgufFile:
    if file.read(4) != b"GGUF":
        raise ModelError(f"{what} file {path} is not a GGUF file: name one that is, or convert it")
    (version,) = _unpack(file, "I")
    if version not in (2, 3):
        raise ModelError(f"{what} file {path} is GGUF version {version}; only 2 and 3 can be read")
    tensors, keys = _unpack(file, "QQ")
    if tensors > _MOST or keys > _MOST:
        raise _Malformed
    metadata: dict[str, str | int | float | bool] = {}
    for _ in range(keys):
        key = _string(file)
        value = _value(file, *_unpack(file, "I"))
        if value is not None:
            metadata[key] = value
    shapes: dict[str, tuple[int, ...]] = {}
    last_start = 0
    for _ in range(tensors):
        name = _string(file)
        (dimensions,) = _unpack(file, "I")
        if dimensions > 8:
            raise _Malformed
        shapes[name] = _unpack(file, "Q" * dimensions)
        _, start = _unpack(file, "IQ")
        last_start = max(last_start, start)
    if tensors and file.tell() + last_start >= os.fstat(file.fileno()).st_size:
        raise _Malformed
    return GgufFile(path=path, metadata=metadata, shapes=shapes)


def _unpack(file: BinaryIO, form: str) -> tuple[int, ...]:
    layout = "<" + form
    return struct.unpack(layout, file.read(struct.calcsize(layout)))


def _string(file: BinaryIO) -> str:
    (length,) = _unpack(file, "Q")
    if length > _MOST:
        raise _Malformed
    content = file.read(length)
    if len(content) != length:
        raise _Malformed
    return content.decode("utf-8")


def _value(file: BinaryIO, kind: int) -> str | int | float | bool | None:
    if kind == _STRING:
        return _string(file)
    if kind in _SCALARS:
        return _unpack(file, _SCALARS[kind])[0]
    if kind != _ARRAY:
        raise _Malformed
    item, length = _unpack(file, "IQ")
    if length > _MOST:
        raise _Malformed
    if item in _SCALARS:
        file.seek(length * struct.calcsize("<" + _SCALARS[item]), os.SEEK_CUR)
    else:
        for _ in range(length):
            if item == _STRING:
                (size,) = _unpack(file, "Q")
                file.seek(size, os.SEEK_CUR)
            else:
                _value(file, item)
    return None
