"""Git, by its own program: a few milliseconds a command.

A repository may come from anywhere, so what its own configuration would run is turned off: hooks, the file system
monitor, external diffs, text conversions, content filters, fetching of missing objects. The person's own global filters
(LFS) stay.
"""

import asyncio
import contextlib
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import IO

import msgspec

from ces.errors import InfraError
from ces.vcs.laying import Laying, laying
from ces.vcs.vcs import MAX_DIFF_BYTES, RECORD, Commit, FileState, State, text_within

TIMEOUT_S = 30.0
ARCHIVE_TIMEOUT_S = 600.0
_SAFE = (
    "--no-pager",
    "--literal-pathspecs",
    *(
        word
        for setting in (
            "core.fsmonitor=false",
            "core.hooksPath=/dev/null",
            "core.quotePath=false",
            "core.pager=cat",
            "diff.external=",
            "diff.mnemonicPrefix=false",
            "diff.noprefix=false",
            "status.submoduleSummary=false",
            "color.ui=false",
        )
        for word in ("-c", setting)
    ),
)
_DIFF = ("--no-ext-diff", "--no-textconv", "--no-color", "--relative", "--ignore-submodules=all")
_STATES: dict[str, State] = {"M": "modified", "T": "modified", "A": "added", "D": "deleted", "?": "untracked"}


_REGULAR, _LINK, _SUBMODULE = ("100644", "100755"), "120000", "160000"
_ONE_PARENT = ("--min-parents=1", "--max-parents=1")
# \1 before each commit, NUL after each field; what follows are the paths.
_LOG_FORMAT = "%x01%H%x00%P%x00%ct%x00%s%x00"


class _Entry(msgspec.Struct, frozen=True):
    """A line of git ls-tree. `mode` is in octal, as git writes it."""

    mode: str
    blob: str
    path: str


class Git:
    name = "git"

    def __init__(self, root: Path) -> None:
        self._root = root
        self._neutral: dict[str, str] | None = None

    async def tracked(self) -> list[str]:
        output = await self._git("ls-files", "-z", "--cached")
        return sorted(set(_names(output)))

    async def status(self) -> list[FileState]:
        prefix = os.fsdecode((await self._git("rev-parse", "--show-prefix")).rstrip(b"\n"))
        flags = ("--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--ignore-submodules=all")
        found = []
        for entry in _names(await self._git("status", *flags, "--", ".")):
            codes, path = entry[:2], entry[3:]
            if path.startswith(prefix):
                found.append(FileState(path[len(prefix) :], _state(codes)))
        return found

    async def diff(self, paths: Sequence[str] | None = None, max_bytes: int = MAX_DIFF_BYTES) -> str:
        if paths is not None and not paths:
            return ""
        against = await self.revision() or await self._empty_tree()
        arguments = ("diff", *_DIFF, against, "--", *(paths if paths is not None else (".",)))
        return text_within(await self._git(*arguments, max_bytes=max_bytes + 1), max_bytes)

    async def revision(self) -> str | None:
        output = await self._git("rev-parse", "--verify", "--quiet", "HEAD^{commit}", passes=(0, 1))
        return output.decode("ascii", "replace").strip() or None

    async def resolve(self, rev: str) -> str | None:
        if not rev or rev.startswith("-") or "\0" in rev:
            return None
        output = await self._git("rev-parse", "--verify", "--quiet", f"{rev}^{{commit}}", passes=(0, 1, 128))
        found = output.decode("ascii", "replace").strip()
        if not found:
            await self._git("rev-parse", "--git-dir")  # a repository that can't be read is not a missing revision
        return found if found and "\n" not in found else None  # a range is several

    async def archive(self, rev: str, target: Path) -> tuple[str, ...]:
        entries = await self._entries(await self._known(rev))
        if not entries:
            raise InfraError(f"{rev} has no files in {self._root}")
        with laying(target) as into:
            async with asyncio.timeout(ARCHIVE_TIMEOUT_S):
                await self._lay(entries, into)
            return into.finish()

    async def read(self, rev: str, path: str) -> bytes | None:
        for entry in await self._entries(await self._known(rev), path):
            if entry.path == path and entry.mode in _REGULAR:
                return await self._git("cat-file", "blob", entry.blob)
        return None

    async def history(self, since: str | None = None, limit: int = 1000) -> list[Commit]:
        head = await self.revision()
        if head is None:
            return []
        fields = ("--name-only", "--no-renames", "--relative", f"--max-count={limit}", f"--format=format:{_LOG_FORMAT}")
        reach = [head] if since is None else [head, "--not", await self._known(since)]
        flags = (
            "--no-ext-diff",
            "--ignore-submodules=all",
            "--no-show-signature",
            "--min-parents=1",
            "--max-parents=1",
        )
        output = await self._git("log", "-z", *flags, *fields, *reach, "--", ".")
        return [_commit(part) for part in RECORD.split(output)[1:]]

    async def close(self) -> None:
        return

    async def _known(self, rev: str) -> str:
        found = await self.resolve(rev)
        if found is None:
            raise InfraError(f"{rev!r} is no revision of {self._root}: git log shows what there is")
        return found

    async def _entries(self, commit: str, path: str | None = None) -> list["_Entry"]:
        """What a commit has in the workspace, or at one path of it."""
        only = () if path is None else ("--", path)
        found = []
        for entry in _names(await self._git("ls-tree", "-r", "-z", commit, *only)):
            what, _, name = entry.partition("\t")
            mode, _, blob = what.split(" ")
            found.append(_Entry(mode, blob, name))
        return found

    async def _lay(self, entries: Sequence["_Entry"], into: Laying) -> None:
        for entry in entries:
            if entry.mode == _SUBMODULE:
                into.skip(entry.path)
        blobs = [entry for entry in entries if entry.mode != _SUBMODULE]
        with tempfile.TemporaryFile() as asked:
            asked.write("".join(f"{entry.blob}\n" for entry in blobs).encode("ascii"))
            asked.seek(0)
            async with self._process(("cat-file", "--batch"), asked) as process:
                assert process.stdout is not None
                for entry in blobs:
                    content = await self._blob(process.stdout, entry)
                    if entry.mode == _LINK:
                        into.link(entry.path, os.fsdecode(content))
                    else:
                        await asyncio.to_thread(into.file, entry.path, content, executable=entry.mode == "100755")

    async def _blob(self, output: asyncio.StreamReader, entry: "_Entry") -> bytes:
        head = await output.readline()
        *_, kind, size = (b"", b"", *head.split())
        if kind != b"blob":
            raise InfraError(f"git cat-file has no content of {entry.path} in {self._root}: git fsck says more")
        try:
            return (await output.readexactly(int(size) + 1))[:-1]
        except asyncio.IncompleteReadError:
            raise InfraError(f"git cat-file ended within {entry.path} in {self._root}: git fsck says more") from None

    async def _empty_tree(self) -> str:
        return (await self._git("hash-object", "-t", "tree", "--stdin")).decode("ascii").strip()

    async def _git(self, *arguments: str, passes: tuple[int, ...] = (0,), max_bytes: int | None = None) -> bytes:
        if self._neutral is None:
            scopes = ("config", "--show-scope", "--name-only", "-z", "--get-regexp", r"^filter\.")
            self._neutral = {}
            self._neutral = _without_filters(await self._run(scopes, (0, 1), None))
        return await self._run(arguments, passes, max_bytes)

    async def _run(self, arguments: Sequence[str], passes: tuple[int, ...], max_bytes: int | None) -> bytes:
        try:
            async with self._process(arguments) as process, asyncio.timeout(TIMEOUT_S):
                output, said = await _read(process, max_bytes)
        except TimeoutError:
            raise InfraError(f"git {arguments[0]} took more than {TIMEOUT_S:.0f} s in {self._root}") from None
        cut = max_bytes is not None and len(output) >= max_bytes
        if process.returncode not in passes and not cut:
            reason = said.decode("utf-8", "replace").strip().split("\n")[0]
            raise InfraError(f"git {arguments[0]} failed in {self._root}: {reason}")
        return output

    @contextlib.asynccontextmanager
    async def _process(
        self, arguments: Sequence[str], stdin: IO[bytes] | int = asyncio.subprocess.DEVNULL
    ) -> AsyncIterator[asyncio.subprocess.Process]:
        """git, running; it is gone when the body ends."""
        try:
            process = await asyncio.create_subprocess_exec(
                "git",
                *_SAFE,
                *arguments,
                cwd=self._root,
                env=_environment() | (self._neutral or {}),
                stdin=stdin,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise InfraError(f"git can't be run in {self._root}: {error.strerror}; apt-get install git") from error
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def _read(process: asyncio.subprocess.Process, max_bytes: int | None) -> tuple[bytes, bytes]:
    """stdout, of which at most `max_bytes`, and the beginning of stderr."""
    assert process.stdout is not None and process.stderr is not None
    errors = asyncio.ensure_future(process.stderr.read(4096))
    pieces: list[bytes] = []
    size = 0
    while max_bytes is None or size < max_bytes:
        piece = await process.stdout.read(1 << 16)
        if not piece:
            await process.wait()
            break
        pieces.append(piece)
        size += len(piece)
    else:
        errors.cancel()
        return b"".join(pieces), b""
    return b"".join(pieces), await errors


def _environment() -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return inherited | {
        "LC_ALL": "C.UTF-8",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "none",
    }


def _without_filters(scoped: bytes) -> dict[str, str]:
    """Settings, as environment, that take the commands out of every content filter the repository itself defines."""
    fields = _names(scoped)
    drivers = sorted(
        {
            key.rpartition(".")[0]
            for scope, key in zip(fields[::2], fields[1::2], strict=False)
            if scope in ("local", "worktree")
        }
    )
    settings = [
        (f"{driver}.{name}", "false" if name == "required" else "")
        for driver in drivers
        for name in ("clean", "smudge", "process", "required")
    ]
    neutral = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings):
        neutral |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return neutral


def _commit(record: bytes) -> Commit:
    node, parent, time_s, subject, rest = record.split(b"\0", 4)
    return Commit(
        id=node.decode("ascii"),
        parent=parent.decode("ascii"),
        time_s=int(time_s),
        subject=subject.decode("utf-8", "replace"),
        paths=tuple(name for name in _names(rest.replace(b"\n", b"", 1)) if name),
    )


def _names(output: bytes) -> list[str]:
    return [os.fsdecode(name) for name in output.split(b"\0") if name]


def _state(codes: str) -> State:
    """One state of porcelain's two columns (index, work tree); what is in the work tree decides."""
    index, tree = codes[0], codes[1]
    if index == "A" and tree != "D":
        return "added"
    return _STATES.get(tree if tree != " " else index, "modified")
