"""The extension, checked and packed once, and installed where the tests' VS Code looks for it."""

import sys
from collections.abc import Callable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent


def _module(name: str, file: Path) -> Any:
    """Tests are no package."""
    spec = spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


SCENE = _module("vscode_scene", HERE.parent / "scene.py")
CODE_SERVER = _module("vscode_code_server", HERE / "code_server.py")


@pytest.fixture(scope="session")
def tools() -> dict[str, str]:
    found = CODE_SERVER.tools()
    if isinstance(found, str):
        pytest.skip(found)
    return dict(found)


@pytest.fixture(scope="session")
def package(tools: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(CODE_SERVER.package(tools, tmp_path_factory.mktemp("vscode")))


@pytest.fixture(scope="session")
def extensions(tools: dict[str, str], package: Path) -> Path:
    return Path(CODE_SERVER.extensions(tools, package))


@pytest.fixture
def opened(tools: dict[str, str], extensions: Path) -> Callable[..., Any]:
    """(machine, settings...) -> VS Code with its workspace open, as a context manager."""
    return lambda machine, **settings: CODE_SERVER.Code(tools, extensions, machine.root, machine.env, **settings)


NUMBERS = "\n".join(["let first = 1", "", *(f"let {name} = 0" for name in "abcdefg"), "", "let last = 2", ""])


@pytest.fixture
def shop() -> Iterator[Any]:
    """A workspace with lib/numbers.ml, whose first and last lines are far apart."""
    with SCENE.scene(SCENE.SHOP | {"lib/numbers.ml": NUMBERS}) as made:
        yield made
