"""What a sandboxed command can and can't do, for each kind of isolation that works on this machine."""

import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ces import isolation, process, workspace
from ces.fingerprint import Fingerprint
from ces.isolation import Isolation, Kind
from ces.process import Finished


class Boxed:
    """A workspace whose commands run in the base view of one kind of isolation."""

    def __init__(self, root: Path, found: Isolation, views: workspace.Views) -> None:
        self.root = root
        self.found = found
        self.views = views

    async def sh(self, script: str, timeout_s: float = 30.0) -> Finished:
        tree = Fingerprint(self.root, ["_build"])
        tree.look()
        self.views.sync(tree)
        place = self.views.open_base()
        try:
            return await isolation.run(self.found, place, ["sh", "-c", script], process.build_environment(), timeout_s)
        finally:
            self.views.close(place)


@pytest.fixture(params=["bubblewrap", "unshare", "session"])
async def boxed(request: pytest.FixtureRequest, tmp_path: Path, state_dir: Path) -> AsyncIterator[Boxed]:
    kind: Kind = request.param
    root = tmp_path / "work, space:1"
    (root / "_build").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / "sub" / ".git").mkdir(parents=True)
    (root / "sub" / "keep").write_text("kept")
    (root / "_build" / "old").write_text("theirs")
    (root / "source").write_text("source")
    found = await isolation.probe(root, state_dir, (kind, "session"))
    if found.kind != kind:
        pytest.skip(f"{kind} doesn't work here: {'; '.join(found.notes)}")
    yield Boxed(root, found, workspace.make(root, state_dir, found, ["_build"]))


async def test_what_is_written_stays_in_the_view(boxed: Boxed) -> None:
    ended = await boxed.sh("cat source && echo changed >source && echo new >new && rm -r sub && echo ours >_build/old")
    assert (ended.exit_code, ended.output) == (0, "source")
    assert (boxed.root / "source").read_text() == "source"
    assert (boxed.root / "_build/old").read_text() == "theirs"
    assert (boxed.root / "sub/keep").read_text() == "kept"
    assert not (boxed.root / "new").exists()


async def test_build_output_is_warm_and_everything_else_is_as_in_the_tree_again(boxed: Boxed) -> None:
    first = await boxed.sh("cat _build/old; echo ours >_build/old; echo x >source; echo x >new; rm sub/keep")
    assert first.output == "theirs"
    (boxed.root / "_build" / "old").write_text("theirs, later")
    second = await boxed.sh("cat _build/old source sub/keep; ls")
    assert second.output.split() == ["ours", "sourcekept_build", "source", "sub"]


async def test_version_control_is_out_of_sight(boxed: Boxed) -> None:
    ended = await boxed.sh("find . -name .git")
    assert ended.output == ""


async def test_a_daemon_dies_with_its_command(boxed: Boxed, tmp_path: Path) -> None:
    script = "(setsid sh -c 'echo x >started; exec sleep 1001' &) ; while [ ! -e started ]; do :; done; exit 7"
    ended = await boxed.sh(script)
    assert ended.exit_code == 7
    assert b"sleep\x001001\x00" not in command_lines()


async def test_the_whole_tree_dies_at_the_timeout(boxed: Boxed) -> None:
    ended = await boxed.sh("(setsid sleep 1002 &); sleep 1002", timeout_s=1.0)
    assert ended.timed_out
    assert b"sleep\x001002\x00" not in command_lines()


async def test_a_command_that_is_missing_is_not_the_sandboxs_fault(boxed: Boxed) -> None:
    assert (await boxed.sh("exec no-such-program")).exit_code == 127


async def test_only_a_private_tmp_is_writable_in_bubblewrap(boxed: Boxed, tmp_path: Path) -> None:
    if boxed.found.kind != "bubblewrap":
        pytest.skip("only bubblewrap closes the rest of the system")
    outside = tmp_path / "outside"
    outside.write_text("x")
    home = Path.home()
    ended = await boxed.sh(
        f"touch /etc/written 2>/dev/null && echo etc; touch {home}/written 2>/dev/null && echo home;"
        f"cat {outside} 2>/dev/null && echo tmp; echo ok >/tmp/mine && cat /tmp/mine; ls /run /var/tmp"
    )
    assert ended.output.split()[0] == "ok"
    assert {"etc", "home", "tmp"}.isdisjoint(ended.output.split())
    assert not Path("/tmp/mine").exists()


async def test_the_network_can_not_be_reached_from_bubblewrap(boxed: Boxed) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        connect = f"import socket; socket.create_connection(('127.0.0.1', {port}), 5); print('connected')"
        ended = await boxed.sh(f'python3 -I -c "{connect}"')
        own = "from socket import *; s = create_server(('', 0)); create_connection(s.getsockname()); print('own')"
        loopback = await boxed.sh(f'python3 -I -W ignore -c "{own}"')
    assert ("connected" in ended.output) == boxed.found.network
    assert loopback.output.endswith("own\n")


async def test_the_view_stands_at_the_workspaces_own_path(boxed: Boxed) -> None:
    ended = await boxed.sh("pwd")
    assert (ended.output.strip() == str(boxed.root)) == (boxed.found.kind != "session")


async def test_the_process_namespace_shows_nobody_else(boxed: Boxed) -> None:
    if boxed.found.kind == "session":
        pytest.skip("a session has no process namespace")
    ended = await boxed.sh(f"ls -d /proc/{os.getppid()} /proc/[0-9]* 2>/dev/null | wc -l")
    assert int(ended.output) < 12


def command_lines() -> set[bytes]:
    found = set()
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit():
            try:
                found.add((directory / "cmdline").read_bytes())
            except OSError:
                continue
    return found
