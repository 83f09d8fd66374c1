"""Neovim 0.11 and 0.10 with the plugin, in a workspace with a played model and a daemon of its own."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


def _module(name: str, file: Path) -> Any:
    """Tests are no package."""
    spec = spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


SCENE = _module("nvim_scene", HERE.parent / "scene.py")
DRIVER = _module("nvim_driver", HERE / "driver.py")
EACH = ["nvim", "nvim-0.10"]


@pytest.fixture
def program(request: pytest.FixtureRequest) -> str:
    """The newest, or what the test is parametrized with."""
    name = getattr(request, "param", EACH[0])
    asked = [str(ROOT / "scripts" / "editors"), "--find", "nvim"]
    folder = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    found = shutil.which(name, path=folder) if folder else None
    if found is None:
        pytest.skip(f"{name} is not there: run scripts/editors nvim")
    return found


@pytest.fixture
def shop() -> Iterator[Any]:
    with SCENE.scene() as made:
        yield made


@pytest.fixture
def nvim(program: str, shop: Any) -> Iterator[Any]:
    """With lib/price.ml in front of the person."""
    with DRIVER.Nvim(program, shop.env, shop.root, "-c", "edit lib/price.ml") as started:
        yield started


@pytest.fixture
def terminal(program: str, shop: Any) -> Iterator[Any]:
    with DRIVER.TerminalNvim(program, shop.env, shop.root, "-c", "edit lib/price.ml") as started:
        yield started


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test marked so is run in every version."""
    if metafunc.definition.get_closest_marker("each_neovim"):
        metafunc.parametrize("program", EACH, indirect=True)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "each_neovim: in Neovim 0.11 and in 0.10")
