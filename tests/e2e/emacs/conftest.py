"""What the tests of the Emacs package share: the editors, and a machine for each test."""

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


@pytest.fixture(scope="session")
def scenery() -> Any:
    """The file scene.py beside this folder: tests are no package."""
    spec = spec_from_file_location("emacs_scene", HERE.parent / "scene.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def shop(scenery: Any) -> Iterator[Any]:
    if shutil.which("dune") is None:
        pytest.skip("dune is not there")
    with scenery.scene() as made:
        yield made


@pytest.fixture(scope="session")
def editors() -> Path:
    """The directory with `emacs` and `emacs-30`."""
    asked = [str(ROOT / "scripts" / "editors"), "--find", "emacs"]
    folder = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    if not folder:
        pytest.skip("emacs is not there: run scripts/editors emacs")
    return Path(folder)


@pytest.fixture(params=["emacs", "emacs-30"])
def emacs(request: pytest.FixtureRequest, editors: Path) -> str:
    return str(editors / request.param)
