"""A seccomp filter: calls into the kernel that no build needs and that most ways out of a sandbox have begun with.

A list of what is refused, not of what is allowed: a build may be any program. Refused are new namespaces and mounts,
keyrings, BPF, performance events, userfaultfd, io_uring, modules, and typing into terminals.

Tracing other processes is refused too under bubblewrap, whose first process inside reports the exit code and could be
made to report another. In `ces.namespaces` that one can't be traced, and leak checkers, which trace, work.

`program` is pure: classic BPF as seccomp(2) takes it. None on machines other than x86-64 and 64-bit ARM.
"""

import contextlib
import functools
import os
import struct
import sys
from collections.abc import Iterator, Sequence

import msgspec

_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO
_EPERM, _ENOSYS = 1, 38
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_CALL, _ARCHITECTURE, _FIRST, _SECOND = 0, 4, 16, 24  # offsets in struct seccomp_data, low words
_NEW_NAMESPACE = 0x7E020080  # CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET,TIME}
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_X32 = 0x40000000

# Numbers from <asm/unistd.h>; those past 424 are the same everywhere.
_NEWER = {
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "fspick": 433,
    "mount_setattr": 442,
    "quotactl_fd": 443,
    "open_tree_attr": 467,
}


class _Machine(msgspec.Struct, frozen=True, kw_only=True):
    architecture: int
    refused: tuple[int, ...]
    tracing: tuple[int, ...]  # ptrace process_vm_readv process_vm_writev
    unshare: int
    clone: int
    ioctl: int
    other_abi_from: int | None = None


_CLONE3, _PIDFD_GETFD = 435, 438
# In this order: mount umount2 pivot_root setns keyctl add_key request_key bpf perf_event_open userfaultfd
# open_by_handle_at kexec_load kexec_file_load init_module finit_module delete_module quotactl swapon swapoff reboot
# acct syslog kcmp
_MACHINES = {
    "x86_64": _Machine(
        architecture=0xC000003E,
        refused=(
            *(165, 166, 155, 308, 250, 248, 249, 321, 298, 323),
            *(304, 246, 320, 175, 313, 176, 179, 167, 168, 169),
            *(163, 103, 312),
        ),
        tracing=(101, 310, 311),
        unshare=272,
        clone=56,
        ioctl=16,
        other_abi_from=_X32,
    ),
    "aarch64": _Machine(
        architecture=0xC00000B7,
        refused=(
            *(40, 39, 41, 268, 219, 217, 218, 280, 241, 282),
            *(265, 104, 294, 105, 273, 106, 60, 224, 225, 142),
            *(89, 116, 272),
        ),
        tracing=(117, 270, 271),
        unshare=97,
        clone=220,
        ioctl=29,
    ),
}


@functools.cache
def program(machine: str, *, tracing: bool) -> bytes | None:
    """The filter for `machine` (as uname says it). `tracing`: processes may trace each other."""
    found = _MACHINES.get(machine)
    if found is None or sys.maxsize < 1 << 32:
        return None
    allow, refuse, unknown = (_RETURN, _ALLOW), (_RETURN, _REFUSE | _EPERM), (_RETURN, _REFUSE | _ENOSYS)
    code: list[tuple[int, ...]] = [(_LOAD, _ARCHITECTURE), *_unless(_EQUAL, found.architecture, unknown)]
    code.append((_LOAD, _CALL))
    if found.other_abi_from is not None:
        code += _when(_AT_LEAST, found.other_abi_from, [unknown])
    code += _when(_EQUAL, _CLONE3, [unknown])  # its flags can't be seen from here; C libraries then use clone
    traced = () if tracing else (*found.tracing, _PIDFD_GETFD)
    for number in (*found.refused, *_NEWER.values(), *traced):
        code += _when(_EQUAL, number, [refuse])
    for number in (found.unshare, found.clone):
        code += _when(_EQUAL, number, [(_LOAD, _FIRST), *_when(_ANY_BIT, _NEW_NAMESPACE, [refuse]), allow])
    typing = [(_LOAD, _SECOND), *_when(_EQUAL, _TIOCSTI, [refuse]), *_when(_EQUAL, _TIOCLINUX, [refuse]), allow]
    code += [*_when(_EQUAL, found.ioctl, typing), allow]
    return b"".join(_instruction(each) for each in code)


def here(*, tracing: bool) -> bytes | None:
    """This machine's."""
    return program(os.uname().machine, tracing=tracing)


@contextlib.contextmanager
def opened(code: bytes | None) -> Iterator[int | None]:
    """A descriptor that `code` can be read from, once."""
    if code is None:
        yield None
        return
    descriptor = os.memfd_create("seccomp")
    try:
        os.write(descriptor, code)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


def _when(test: int, value: int, then: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Do `then` when the test holds, else go on behind it."""
    return [(test, value, 0, len(then)), *then]


def _unless(test: int, value: int, then: tuple[int, ...]) -> list[tuple[int, ...]]:
    return [(test, value, 1, 0), then]


def _instruction(parts: tuple[int, ...]) -> bytes:
    """struct sock_filter: code, jump if true, jump if false, constant."""
    code, constant, *jumps = parts
    true, false = jumps or (0, 0)
    return struct.pack("HBBI", code, true, false, constant)
