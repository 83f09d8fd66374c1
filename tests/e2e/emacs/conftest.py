"""What the tests of the Emacs package share: the editors, and a machine for each test."""

import getpass
import os
import shutil
import socket
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


SSH = """Host other
  HostName 127.0.0.1
  Port {port}
  User {user}
  IdentityFile {home}/ssh/key
  UserKnownHostsFile {home}/ssh/known
  StrictHostKeyChecking accept-new
  LogLevel ERROR
"""


@pytest.fixture
def other_host(shop: Any) -> Iterator[Path]:
    """The directory of an `ssh` that reaches a host "other": there the shop's home is /mnt, and not where it is here.

    It is a system of its own in namespaces, with a real ssh server; what runs there ends with it.
    """
    if missing := [each for each in ("bwrap", "dropbear", "dropbearkey", "ssh-keygen") if shutil.which(each) is None]:
        pytest.skip(f"{', '.join(missing)} not there: run scripts/editors emacs")
    home, there = shop.home, {name: value.replace(str(shop.home), "/mnt") for name, value in shop.env.items()}
    for folder in ("ssh", ".ssh", "bin"):
        (home / folder).mkdir(mode=0o700)
    subprocess.run(["dropbearkey", "-t", "ed25519", "-f", home / "ssh" / "hostkey"], check=True, capture_output=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home / "ssh" / "key"], check=True)
    shutil.copy(home / "ssh" / "key.pub", home / ".ssh" / "authorized_keys")
    user = getpass.getuser()
    (home / "ssh" / "passwd").write_text(f"{user}:x:{os.getuid()}:{os.getgid()}::/mnt:/bin/sh\n")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (home / "ssh" / "config").write_text(SSH.format(port=port, user=user, home=home))
    (home / "bin" / "ssh").write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {home}/ssh/config "$@"\n')
    (home / "bin" / "ssh").chmod(0o700)
    box = ["bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--bind", "/tmp", "/tmp"]
    box += ["--bind", str(home), "/mnt"]
    box += ["--tmpfs", str(home), "--ro-bind", str(home / "ssh" / "passwd"), "/etc/passwd", "--cap-add", "ALL"]
    box += ["--unshare-pid", "--unshare-uts", "--hostname", "other", "--die-with-parent", "--chdir", "/mnt"]
    served = ["dropbear", "-F", "-E", "-e", "-s", "-p", f"127.0.0.1:{port}", "-r", "/mnt/ssh/hostkey"]
    with subprocess.Popen([*box, *served], env=there, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        assert "Not backgrounding" in (said := running.stderr.readline()), said
        yield home / "bin"
        running.terminate()


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
