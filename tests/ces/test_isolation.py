"""What a sandboxed command can and can't do, for each kind of isolation that works on this machine."""

import os
import shutil
import socket
import tempfile
from pathlib import Path

import msgspec
import pytest

from .boxed import Boxed, tree_state


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
    boxed.before = tree_state(boxed.root)
    second = await boxed.sh("cat _build/old source sub/keep; ls")
    assert second.output.split() == ["ours", "sourcekept_build", "source", "sub"]


async def test_version_control_is_out_of_sight(boxed: Boxed) -> None:
    ended = await boxed.sh("find . -name .git")
    assert ended.output == ""


async def test_a_daemon_dies_with_its_command(boxed: Boxed) -> None:
    script = "(setsid sh -c 'echo x >started; exec sleep 1001' &) ; while [ ! -e started ]; do :; done; exit 7"
    ended = await boxed.sh(script)
    assert ended.exit_code == 7
    assert boxed.left_running() == []


async def test_the_whole_tree_dies_at_the_timeout(boxed: Boxed) -> None:
    ended = await boxed.sh("(setsid sleep 1002 &); sleep 1002", timeout_s=1.0)
    assert ended.timed_out
    assert boxed.left_running() == []


async def test_a_command_that_is_missing_is_not_the_sandboxs_fault(boxed: Boxed) -> None:
    assert (await boxed.sh("exec no-such-program")).exit_code == 127


async def test_only_a_private_tmp_is_writable(boxed: Boxed, tmp_path: Path) -> None:
    if not boxed.found.encloses:
        pytest.skip("a session closes nothing")
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


async def test_what_only_root_may_read_is_shut_to_another_user(boxed: Boxed) -> None:
    if not boxed.found.user:
        pytest.skip("builds run under the id that runs the tests")
    folder = Path(tempfile.mkdtemp(prefix="ces-test-", dir="/var/lib"))
    try:
        for name, mode in (("public", 0o644), ("secret", 0o600)):
            (folder / name).write_text(f"this is {name}\n")
            (folder / name).chmod(mode)
        folder.chmod(0o755)
        script = f"cat {folder}/public {folder}/secret; cat /etc/shadow; ls /root; id -u; touch mine; stat -c %u mine"
        other = await boxed.sh(script)
        boxed.found = msgspec.structs.replace(boxed.found, user=0)
        root = await boxed.sh(script)
    finally:
        shutil.rmtree(folder)
    assert "this is public" in other.output and "this is secret" not in other.output
    assert other.output.count("Permission denied") >= 2 and "root:" not in other.output
    assert other.output.split()[-2:] == ["0", "0"]  # as whom it sees itself, and whose its files are
    assert "this is secret" in root.output  # so it is the id that shuts it


async def test_the_network_can_not_be_reached_from_inside(boxed: Boxed) -> None:
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
