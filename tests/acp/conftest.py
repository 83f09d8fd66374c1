"""The real `aid acp` and daemon on a machine of its own, driven by the protocol's own SDK."""

import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import pytest_asyncio

TESTS = Path(__file__).parent.parent
SDK_VERSION = "2.4.0"
Machine = Any


def _load(path: Path) -> ModuleType:
    """Another file as a module: tests are no package."""
    name = f"acp_tests_{path.parent.name}_{path.stem}"
    if name not in sys.modules:
        spec = spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        module = module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture
def machine() -> Iterator[Machine]:
    home = Path(tempfile.mkdtemp(prefix="aid", dir="/tmp"))
    made = _load(TESTS / "cli" / "conftest.py").Machine(home)
    yield made
    made.run("stop")
    shutil.rmtree(home)


@pytest.fixture
def aid() -> Path:
    return Path(sys.executable).parent / "aid"


@pytest.fixture
def editors() -> ModuleType:
    return _load(TESTS / "acp" / "editor.py")


@pytest.fixture
def sdk() -> Path:
    cache = Path(os.environ.get("AID_DEV_CACHE", Path.home() / ".cache" / "aid-dev"))
    found = cache / f"acp-sdk-{SDK_VERSION}" / "node_modules" / "@agentclientprotocol" / "sdk"
    if not found.is_dir():
        pytest.skip("needs the protocol's TypeScript SDK: 'scripts/setup test' installs it")
    return found


@pytest_asyncio.fixture(loop_scope="function")
async def start(
    machine: Machine, aid: Path, editors: ModuleType, sdk: Path
) -> AsyncIterator[Callable[[], Awaitable[Any]]]:
    """Starts editors: `editor = await start()`."""
    started = []

    async def one() -> Any:
        editor = await editors.Editor.start(sdk, aid, machine.env, machine.root)
        started.append(editor)
        return editor

    yield one
    for editor in started:
        await editor.close()
