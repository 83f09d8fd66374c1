"""Plain namespaces: what `unshare` isolation is made of, where bubblewrap is not installed.

`become` is called in a process that `ces.spawner` has forked, and ends in the command that is to be enclosed:

    own mount, process, network, IPC, host name and control group namespaces; loopback is up
    everything read-only, the view in the workspace's place, a private /tmp, /dev, /run and /proc
    no capabilities (in a user namespace, so none can be had again), or only those over files; no new privileges
    where root asks for it, another user's id: the mounts of the view and of /tmp show root's files as that user's

Mounts are made as bubblewrap makes them, by open_tree(2), move_mount(2) and mount_setattr(2): Linux 5.12 or later.
Only the standard library is imported: the spawner is to stay small.
"""

import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

Options = dict[str, Any]
_LIBC = ctypes.CDLL(None, use_errno=True)

# <linux/sched.h>, <linux/mount.h>, <linux/prctl.h>, <linux/capability.h>, <linux/if.h>
_NEW_USER = 0x10000000
_NEW_MOUNTS = 0x00020000
_NEW_OTHERS = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x20000000 | 0x40000000
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
_CLONE, _RECURSIVE = 1, 0x8000
_EMPTY_PATH, _FROM_EMPTY_PATH = 0x1000, 4
_READ_ONLY, _NO_SUID, _MAPPED_IDS = 1, 2, 1 << 20
_PRIVATE_ALL = (1 << 18) | (1 << 14)
_BIND = 1 << 12
_HERE = -100
_PDEATHSIG, _SET_DUMPABLE, _CAPBSET_DROP, _NO_NEW_PRIVS = 1, 4, 24, 38
_CAPABILITIES_3 = 0x20080522
_FILE_CAPABILITIES = (0, 1, 3)  # CHOWN, DAC_OVERRIDE, FOWNER
_SIOCSIFFLAGS, _UP_RUNNING = 0x8914, 0x41

_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_DEVICE_LINKS = {"fd": "", "stdin": "/0", "stdout": "/1", "stderr": "/2"}


def become(options: Options, argv: Sequence[str]) -> NoReturn:
    """Make the namespaces and run `argv` in them; ends with its exit code, 128 and the signal's number if killed.

    Raises OSError, in this process or in the namespace's first one, as long as `argv` has not been started. Options:

    root      the workspace's path, where the view is mounted
    view      the directory to mount there
    overlay   instead: where `lower`, `upper`, `work` and `merged` are
    layers    with it: the lower layers, uppermost first, relative to it and separated by colons
    scratch   the directory that becomes /tmp and /var/tmp
    tools     directories kept from /tmp, /var/tmp and /run, read-only
    hidden    paths that are empty inside, save for
    shown     directories that can be read all the same
    shm       bytes that shared memory may take
    caps      "none" or "files"
    user      0, or with "none" the id that root's build runs under; inside it is root's
    filter    seccomp's code, or ""
    """
    if options["user"]:
        options = {**options, "ids": _exchanging(options["user"])}
    if os.geteuid() == 0:
        _call("unshare", _NEW_OTHERS)
    else:
        _own_user_namespace(_NEW_OTHERS)
    first = os.fork()
    if first == 0:
        _first_process(options, argv)
    die_with_parent()  # only now: a change of credentials forgets it
    _close_all()
    os._exit(_status(os.waitpid(first, 0)[1]))


def overlay(options: Options, *, own_namespace: bool = True) -> str:
    """Mount a view over the tree, seen by this process and what it starts alone; says where.

    index, xino and metacopy stay off, which is what makes it sound to mount anew over a lower tree that has changed
    meanwhile (Linux, Documentation/filesystems/overlayfs.rst). Relative names: no path needs escaping.
    """
    if own_namespace:
        if os.geteuid() == 0:
            _call("unshare", _NEW_MOUNTS)
        else:
            _own_user_namespace(_NEW_MOUNTS)
        _mount("none", "/", None, _PRIVATE_ALL)
    ids, views = options.get("ids"), str(Path(options["overlay"]).parent)
    if ids is not None:  # all upper layers through one mount
        _put(_clone(views, ids=ids), views)
    os.chdir(options["overlay"])
    _put(_clone(options["root"], ids=ids), "lower")
    rest = "upperdir=upper,workdir=work,userxattr,volatile,index=off,xino=off"
    _mount("overlay", "merged", "overlay", 0, f"lowerdir={options['layers']},{rest}")
    return "merged"


def write(path: str, text: str) -> None:
    """To one of the kernel's files; Python's own files cost a millisecond in a fresh fork."""
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def die_with_parent() -> None:
    _call("prctl", _PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def execute(argv: Sequence[str], env: dict[str, str]) -> NoReturn:
    """As a shell would: 127 for a program that is missing, 126 for one that can't be run."""
    try:
        os.execvpe(argv[0], list(argv), env)
    except OSError as error:
        os.write(2, f"{argv[0]}: {error.strerror}\n".encode())
        os._exit(127 if isinstance(error, FileNotFoundError) else 126)


def _first_process(options: Options, argv: Sequence[str]) -> NoReturn:
    """Make the surroundings, start the build, and collect whatever is orphaned until it ends: then all is killed."""
    die_with_parent()
    umask = os.umask(0o022)  # for the ways to what is mounted
    proc = _mount_all(options)
    os.umask(umask)
    _loopback_up()
    if options["caps"] == "none" and os.geteuid() == 0:
        if options["user"]:
            _become_user(options["user"])
        _own_user_namespace(0, proc, inside=0)
    os.close(proc)
    _drop(_FILE_CAPABILITIES if options["caps"] == "files" else ())
    die_with_parent()
    os.chdir(options["root"])
    _call("prctl", _SET_DUMPABLE, 0, 0, 0, 0)  # nor traced: it says how the build ended. exec undoes it for the build
    build = os.fork()
    if build == 0:
        if options["filter"]:
            _install_filter(bytes.fromhex(options["filter"]))
        execute(argv, options["env"])
    _close_all()
    while True:
        ended, status = os.wait()
        if ended == build:
            os._exit(_status(status))


def _close_all() -> None:
    os.closerange(0, os.sysconf("SC_OPEN_MAX"))


def _mount_all(options: Options) -> int:
    """Everything that is to be seen is cloned first, since /tmp may hold it, then put in place from the outside in.

    Gives a descriptor of /proc that can still be written through.
    """
    _mount("none", "/", None, _PRIVATE_ALL)
    root, ids = options["root"], options.get("ids")
    scratches = [_clone(options["scratch"], ids=ids) for _ in range(2)]
    shown = {path: _clone(path, ro=True, ids=ids) for path in options["shown"]}
    view_tree = _clone(options["view"], ids=ids) if "view" in options else _clone(overlay(options, own_namespace=False))
    tools = {path: _clone(path, ro=True) for path in options["tools"]}
    devices = {name: _clone(f"/dev/{name}") for name in _DEVICES}
    around = [path for path in options["hidden"] if Path(options["root"]).is_relative_to(path)]
    hidden = [path for path in options["hidden"] if path not in around]
    no_files = {path: _clone("/dev/null", ro=True) for path in hidden if not Path(path).is_dir()}
    _set_attributes(_HERE, "/", _READ_ONLY | _NO_SUID, _RECURSIVE)
    _mount("proc", "/proc", "proc", 0)
    proc = _clone("/proc")
    _set_attributes(_HERE, "/proc", _READ_ONLY, 0)
    _devices(devices, options["shm"])
    _mount("tmpfs", "/run", "tmpfs", 0, "size=16m,mode=755")
    for place, tree in zip(("/tmp", "/var/tmp"), scratches, strict=True):
        _put(tree, place)
    for path, tree in tools.items():
        Path(path).mkdir(parents=True, exist_ok=True)
        _put(tree, path)
    for path in around:
        Path(path).mkdir(parents=True, exist_ok=True)  # it may have been below /tmp
        _mount("tmpfs", path, "tmpfs", 0, "size=64k,mode=755")
    Path(root).mkdir(parents=True, exist_ok=True)
    _put(view_tree, root)
    folders = [path for path in hidden if path not in no_files and Path(path).is_dir()]
    for path in hidden:
        _hide(path, no_files.get(path))
    for path, tree in shown.items():
        Path(path).mkdir(parents=True, exist_ok=True)
        _put(tree, path)
    for path in (*folders, *around):  # only now: the way to the view and to what is shown was made in them
        if path != root:
            _set_attributes(_HERE, path, _READ_ONLY, 0)
    return proc


def _devices(trees: dict[str, int], shm: str) -> None:
    _mount("tmpfs", "/dev", "tmpfs", 0, "size=64k,mode=755")
    for name, tree in trees.items():
        Path("/dev", name).touch()
        _put(tree, f"/dev/{name}")
    for name, end in _DEVICE_LINKS.items():
        Path("/dev", name).symlink_to(f"/proc/self/fd{end}")
    for name in ("shm", "pts"):
        Path("/dev", name).mkdir()
    Path("/dev/ptmx").symlink_to("pts/ptmx")
    _mount("tmpfs", "/dev/shm", "tmpfs", 0, f"size={shm},mode=1777")
    with contextlib.suppress(OSError):  # terminals are a luxury here
        _mount("devpts", "/dev/pts", "devpts", 0, "newinstance,ptmxmode=0666,mode=620")
    _set_attributes(_HERE, "/dev", _READ_ONLY, 0)


def _hide(path: str, no_file: int | None) -> None:
    """Nothing in its place: no directory's files, or for a file `no_file`."""
    if no_file is not None:
        _put(no_file, path)
    elif Path(path).is_dir():
        _mount("tmpfs", path, "tmpfs", 0, "size=4k,mode=755")


def _own_user_namespace(others: int, proc: int | None = None, inside: int | None = None) -> None:
    """In which this process has the same ids as before, or `inside`, and capabilities over nothing outside."""
    at = "/proc/self" if proc is None else f"/proc/self/fd/{proc}/self"
    uid, gid = os.geteuid(), os.getegid()
    _call("unshare", _NEW_USER | others)
    write(f"{at}/setgroups", "deny")
    write(f"{at}/uid_map", f"{uid if inside is None else inside} {uid} 1")
    write(f"{at}/gid_map", f"{gid if inside is None else inside} {gid} 1")


def _exchanging(user: int) -> int:
    """A user namespace that exchanges the ids of `user` and root: through such a mount each has the other's files."""
    reading, writing = os.pipe()
    holder = os.fork()
    if holder == 0:
        try:
            _call("unshare", _NEW_USER)
            os.write(writing, b"ready")
            signal.pause()
        finally:
            os._exit(1)
    os.close(writing)
    try:
        if not os.read(reading, 5):
            raise OSError(0, "no user namespace can be made for mounts")
        for kind in ("uid_map", "gid_map"):
            write(f"/proc/{holder}/{kind}", f"0 {user} 1\n{user} 0 1\n")
        return os.open(f"/proc/{holder}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(reading)
        os.kill(holder, signal.SIGKILL)
        os.waitpid(holder, 0)


def _become_user(user: int) -> None:
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    _call("prctl", _SET_DUMPABLE, 1, 0, 0, 0)  # else its own /proc files are root's, and it can't say its ids there


def _loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14s", b"lo", _UP_RUNNING, b""))


def _drop(kept: Sequence[int]) -> None:
    """All capabilities but `kept`, for good."""
    for number in range(_last_capability() + 1):
        if number not in kept:
            _call("prctl", _CAPBSET_DROP, number, 0, 0, 0)
    _call("prctl", _NO_NEW_PRIVS, 1, 0, 0, 0)
    mask = sum(1 << number for number in kept)
    header = ctypes.create_string_buffer(struct.pack("Ii", _CAPABILITIES_3, 0))
    _call("capset", header, ctypes.create_string_buffer(struct.pack("6I", mask, mask, 0, 0, 0, 0)))


def _last_capability() -> int:
    return int(Path("/proc/sys/kernel/cap_last_cap").read_bytes())  # no codec: Python's own files may be out of reach


def _install_filter(code: bytes) -> None:
    kept = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(kept))
    _call("prctl", 22, 2, ctypes.create_string_buffer(program), 0, 0)  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER


def _status(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _mount(source: str, target: str, kind: str | None, flags: int, data: str = "") -> None:
    kind_bytes = None if kind is None else kind.encode()
    _call("mount", source.encode(), os.fsencode(target), kind_bytes, flags, os.fsencode(data), named=target)


def _clone(path: str, *, ro: bool = False, ids: int | None = None) -> int:
    """A descriptor of a mount of `path` that is nowhere yet; with what is mounted below it when it is for reading.

    `ids`: a user namespace that says whose the files appear to be.
    """
    flags = _CLONE | os.O_CLOEXEC | (_RECURSIVE if ro else 0)
    tree = _call("syscall", _OPEN_TREE, _HERE, os.fsencode(path), flags, named=path)
    if ro:
        _set_attributes(tree, "", _READ_ONLY, _EMPTY_PATH | _RECURSIVE)
    if ids is not None:
        _set_attributes(tree, "", _MAPPED_IDS, _EMPTY_PATH, ids)
    return tree


def _put(tree: int, target: str) -> None:
    _call("syscall", _MOVE_MOUNT, tree, b"", _HERE, os.fsencode(target), _FROM_EMPTY_PATH, named=target)
    os.close(tree)


def _set_attributes(directory: int, path: str, attributes: int, flags: int, ids: int = 0) -> None:
    wanted = struct.pack("4Q", attributes, 0, 0, ids)
    _call("syscall", _MOUNT_SETATTR, directory, os.fsencode(path), flags, wanted, len(wanted), named=path)


def _call(function: str, *arguments: object, named: str = "") -> int:
    """A function of the C library; numbers as C's long, which is what the kernel's calls take."""
    passed = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    found: int = getattr(_LIBC, function)(*passed)
    if found == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{function}: {os.strerror(number)}", named)
    return found
