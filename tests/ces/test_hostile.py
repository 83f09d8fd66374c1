"""Builds that mean harm, in each kind of isolation that works on this machine.

After each of them (see `boxed`) nothing may be left running and the person's tree is what it was, byte for byte.
"""

import os
import shutil
import socket
import tempfile
from pathlib import Path

import pytest

from ces import cgroups, hidden
from ces.isolation import remove_tree
from ces.limits import Limits

from .boxed import Boxed

TIMEOUT_S = 60.0  # none of these may come to it, save the one that sleeps


@pytest.fixture
def enclosed(boxed: Boxed) -> Boxed:
    if not boxed.found.encloses:
        pytest.skip("a session encloses nothing")
    return boxed


@pytest.fixture(params=["control groups", "a look at /proc"])
def counted(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, boxed: Boxed) -> Boxed:
    """Limits kept by the kernel, or from outside."""
    if request.param == "a look at /proc":
        monkeypatch.setenv(cgroups.OFF_VARIABLE, "1")
    elif cgroups.find() is None:
        pytest.skip("control groups can't be made here")
    return boxed


async def test_no_service_can_be_reached(enclosed: Boxed) -> None:
    abstract = f"\0ces-test-{os.getpid()}"
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(abstract)
        unix.listen()
        code = f"""
from socket import *
def attempt(family, address):
    try:
        socket(family).connect(address)
        print("reached", address)
    except OSError:
        print("refused")
attempt(AF_INET, ("127.0.0.1", {server.getsockname()[1]}))
attempt(AF_INET, ("192.0.2.1", 80))
attempt(AF_UNIX, {abstract!r})
"""
        ended = await enclosed.python(code)
    assert ended.output.split() == ["refused"] * 3


async def test_a_socket_in_the_temporary_directory_is_out_of_reach(enclosed: Boxed, state_dir: Path) -> None:
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(state_dir / "agent"))
        unix.listen()
        ended = await enclosed.python(
            f"import socket; socket.socket(socket.AF_UNIX).connect({str(state_dir)!r}+'/agent')"
        )
    assert "FileNotFoundError" in ended.output


async def test_nothing_outside_can_be_written(enclosed: Boxed, tmp_path: Path, state_dir: Path) -> None:
    places = [Path.home(), tmp_path, state_dir, *map(Path, ("/", "/etc", "/usr/bin", "/var", "/dev", "/sys", "/opt"))]
    names = " ".join(f"'{place}/ces-hostile'" for place in places)
    pattern = Path("/proc/sys/kernel/core_pattern").read_text()
    ended = await enclosed.sh(f"for each in {names} /proc/sys/kernel/core_pattern; do echo core >>$each; done; exit 0")
    assert ended.exit_code == 0
    assert not [place for place in places if (place / "ces-hostile").exists()]
    assert Path("/proc/sys/kernel/core_pattern").read_text() == pattern


async def test_version_control_is_found_by_no_way_round(enclosed: Boxed, state_dir: Path) -> None:
    script = (
        "cat .git/config sub/../.git/config /proc/self/cwd/.git/config /proc/1/cwd/.git/config;"
        f"for root in /proc/[0-9]*/root; do cat $root'{enclosed.root}/.git/config'; done;"
        f"grep -r 'kept-by-no-sandbox-4711' '{state_dir}' '{enclosed.root}' /tmp /var/tmp"
    )
    ended = await enclosed.sh(f"({script}) 2>/dev/null")
    assert ended.output == ""


async def test_the_persons_own_is_out_of_sight_wherever_xdg_variables_say_it_is(
    enclosed: Boxed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below the home directory, since a build has a /tmp of its own."""
    outside = Path(tempfile.mkdtemp(prefix=".ces-test-", dir=Path.home()))
    outside.chmod(0o755)
    secrets = {
        "XDG_STATE_HOME": "aid/ces/bases/1/tree/answer",
        "XDG_CONFIG_HOME": "aid/aid.toml",
        "XDG_CACHE_HOME": "aid/index",
        "XDG_DATA_HOME": "keyrings/login",
        "XDG_RUNTIME_DIR": "bus",
    }
    try:
        (outside / "public").write_text("may be seen\n")
        for variable, name in secrets.items():
            secret = outside / variable / name
            secret.parent.mkdir(parents=True)
            secret.write_text("secret-4711\n")
            monkeypatch.setenv(variable, str(outside / variable))
        hidden._existing.cache_clear()
        ended = await enclosed.sh(f"cat {outside}/public; grep -rh . {outside}/XDG_*; echo looked")
        assert ended.output.split("\n") == ["may be seen", "looked", ""]
    finally:
        shutil.rmtree(outside)
        hidden._existing.cache_clear()


async def test_the_tree_can_not_be_reached_through_another_process(enclosed: Boxed) -> None:
    loop = f"for each in /proc/[0-9]*; do echo x >$each/root'{enclosed.root}/source'; echo x >$each/cwd/sub/keep; done"
    await enclosed.sh(loop)
    ended = await enclosed.python(
        "import ctypes, os\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "print(libc.ptrace(16, 1, 0, 0))\n"
        "try:\n"
        "    open('/proc/1/mem', 'r+b')\n"
        "except OSError:\n"
        "    print('refused')\n"
    )
    assert ended.output.split()[:2] == ["-1", "refused"]


async def test_killing_everyone_kills_only_itself(enclosed: Boxed) -> None:
    guarded = f"[ -e /proc/{os.getpid()} ] || kill -9 -1; kill -9 1; kill -9 $$"
    ended = await enclosed.sh(guarded, TIMEOUT_S)
    assert ended.exit_code in (-9, 137)
    assert ended.limit is None


async def test_no_privilege_is_left_to_use(enclosed: Boxed) -> None:
    ended = await enclosed.sh(
        "grep -E '^(Cap(Eff|Bnd|Prm|Amb)|NoNewPrivs|Seccomp):' /proc/self/status;"
        "cp /bin/sh own && chmod 4755 own;"
        "for each in 'mknod disk b 8 0' 'mount -t tmpfs none sub' 'umount /proc' 'unshare -Ur true' 'chroot . true';"
        "do $each 2>/dev/null && echo got; done;"
        "test -b disk && echo device; ls /proc/self/fd | wc -l"
    )
    words = ended.output.split()
    assert words[:-1] == [
        *("CapPrm:", "0" * 16, "CapEff:", "0" * 16, "CapBnd:", "0" * 16, "CapAmb:", "0" * 16),
        *("NoNewPrivs:", "1", "Seccomp:", "2"),
    ]
    assert words[-1] == "4"  # stdin, stdout, stderr and the one ls looks with: none of ours


async def test_a_fork_bomb_is_over_the_limit_on_processes(counted: Boxed) -> None:
    bomb = "import os, time\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        time.sleep(0.05)"
    ended = await counted.python(bomb, TIMEOUT_S, Limits(processes=150))
    assert ended.limit == "processes"


async def test_a_thread_bomb_is_over_the_limit_on_processes(counted: Boxed) -> None:
    bomb = (
        "import threading, time\n"
        "while True:\n"
        "    try:\n        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()\n"
        "    except RuntimeError:\n        time.sleep(1000)"
    )
    ended = await counted.python(bomb, TIMEOUT_S, Limits(processes=150))
    assert ended.limit == "processes"


async def test_a_memory_bomb_is_over_the_limit_on_memory(counted: Boxed) -> None:
    bomb = "kept = []\nwhile True: kept.append(bytearray(b'x') * (1 << 20))"
    ended = await counted.python(bomb, TIMEOUT_S, Limits(memory_bytes=128 << 20))
    assert ended.limit == "memory" or "MemoryError" in ended.output  # whichever of the two bounds it met first
    assert ended.machine_failed is None


async def test_memory_is_counted_for_all_processes_together(counted: Boxed) -> None:
    bomb = "import os, time\nfor _ in range(5): os.fork()\nkept = bytearray(b'x') * (12 << 20)\ntime.sleep(1000)"
    ended = await counted.python(bomb, TIMEOUT_S, Limits(memory_bytes=200 << 20))
    assert ended.limit == "memory"


async def test_shared_memory_is_bounded(enclosed: Boxed) -> None:
    ended = await enclosed.sh("head -c 300m /dev/zero >/dev/shm/x", TIMEOUT_S, Limits(memory_bytes=128 << 20))
    assert ended.limit == "memory" or "No space left" in ended.output


async def test_spinning_is_over_the_limit_on_cpu_time(counted: Boxed) -> None:
    spin = "import os\nfor _ in range(3): os.fork()\nwhile True: pass"
    ended = await counted.python(spin, TIMEOUT_S, Limits(cpu_s=2.0))
    assert ended.limit == "cpu"
    assert ended.cpu_ms >= 1500


async def test_a_file_that_is_too_large_ends_the_command(boxed: Boxed) -> None:
    ended = await boxed.sh("exec head -c 20000000 /dev/zero >large", TIMEOUT_S, Limits(file_bytes=5 << 20))
    assert ended.limit == "disk"


async def test_filling_the_disk_is_over_the_limit(boxed: Boxed) -> None:
    fill = "n=0; while :; do n=$((n+1)); head -c 4000000 /dev/zero >_build/$n || exit; done"
    ended = await boxed.sh(fill, TIMEOUT_S, Limits(disk_bytes=64 << 20))
    assert ended.limit == "disk"


async def test_filling_the_disk_with_files_that_have_no_name_is_too(boxed: Boxed) -> None:
    fill = (
        "import os, time\nkept = []\nfor n in range(100):\n    kept.append(open(f'x{n}', 'wb'))\n"
        "    os.unlink(f'x{n}')\n    kept[-1].write(bytes(4 << 20))\n    kept[-1].flush()\ntime.sleep(1000)"
    )
    ended = await boxed.python(fill, TIMEOUT_S, Limits(disk_bytes=64 << 20))
    assert ended.limit == "disk"


async def test_a_flood_of_output_is_over_the_limit(boxed: Boxed) -> None:
    ended = await boxed.sh("yes", TIMEOUT_S, Limits(output_bytes=1 << 20))
    assert (ended.limit, ended.truncated) == ("output", True)


async def test_sleeping_for_ever_is_over_the_wall_time(boxed: Boxed) -> None:
    ended = await boxed.sh("trap '' TERM INT HUP; while :; do sleep 1000; done", 1.0)
    assert (ended.limit, ended.exit_code) == ("wall", -9)


async def test_a_daemon_that_holds_stdout_open_holds_nothing_up(boxed: Boxed) -> None:
    daemon = (
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        "        os.environ.clear()\n        print('daemon', flush=True)\n        time.sleep(1000)\n    os._exit(0)\n"
        "os.wait()\nprint('done')"
    )
    ended = await boxed.python(daemon, TIMEOUT_S)
    assert (ended.limit, ended.exit_code) == (None, 0)
    assert "done" in ended.output


async def test_links_that_lead_outside_are_not_followed_afterwards(boxed: Boxed, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "keep").write_text("kept")
    lure = (
        f"rm -r _build sub source; ln -s '{outside}' _build; ln -s '{outside}' sub; ln -s '{outside}/keep' source;"
        f"ln -s /dev/zero .gitignore"
    )
    await boxed.sh(lure)
    ended = await boxed.sh("cat source sub/keep; rm -f .gitignore; mkfifo .gitignore; echo x >_build/new")
    assert ended.output.startswith("sourcekept")
    await boxed.sh("true")
    assert sorted(item.name for item in outside.iterdir()) == ["keep"]
    assert (outside / "keep").read_text() == "kept"


async def test_what_can_hardly_be_deleted_is_deleted(boxed: Boxed) -> None:
    nasty = (
        "import os\n"
        "os.makedirs('_build/shut/in')\nopen('_build/shut/in/file', 'w').close()\n"
        "os.mkdir(b'_build/new\\nline\\xff'); open(b'_build/-rf *', 'w').close(); os.mkfifo('_build/pipe')\n"
        "os.chmod('_build/shut/in', 0); os.chmod('_build/shut', 0)\n"
        "os.mkdir('deep'); os.chdir('deep')\n"
        "for _ in range(3000): os.mkdir('d' * 20); os.chdir('d' * 20)\n"
    )
    ended = await boxed.python(nasty, TIMEOUT_S)
    assert (ended.exit_code, ended.output) == (0, "")
    assert (await boxed.sh("ls", TIMEOUT_S)).output.split() == ["_build", "source", "sub"]
    boxed.views.reset()
    assert (await boxed.sh("ls _build 2>/dev/null", TIMEOUT_S)).output.split() == []


async def test_a_view_can_be_removed_whatever_is_in_it(tmp_path: Path) -> None:
    top = tmp_path / "top"
    (top / "shut" / "in").mkdir(parents=True)
    (top / "link").symlink_to(tmp_path)
    (top / "shut" / "in").chmod(0)
    (top / "shut").chmod(0)
    deep = top
    for _ in range(1500):  # deeper than Python's stack is, and no longer than a path may be
        deep = deep / "d"
        deep.mkdir()
    remove_tree(top)
    assert not top.exists()
    assert tmp_path.exists()
