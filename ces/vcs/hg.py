"""Mercurial, by its command server kept open: a status takes 10 ms against 150 ms for a new `hg` each time.

hglib is synchronous, so commands run in a thread, one at a time; a server nobody asks for a while is closed. The
repository's own hgrc, which may load extensions and run hooks, is not read (HGRCSKIPREPO); the person's is.
"""

import asyncio
import tarfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hglib  # type: ignore[import-untyped]
import hglib.client  # type: ignore[import-untyped]
import hglib.error  # type: ignore[import-untyped]

from ces.errors import InfraError
from ces.scratch import Scratch
from ces.vcs.laying import laying
from ces.vcs.vcs import MAX_DIFF_BYTES, RECORD, Commit, FileState, State, text_within

IDLE_S = 300.0
TIMEOUT_S = 30.0
ARCHIVE_TIMEOUT_S = 600.0
_STATES: dict[str, State] = {"M": "modified", "A": "added", "R": "deleted", "!": "deleted", "?": "untracked"}
_TAR_ROOT = "revision"
_NOT_A_REVISION = ("unknown revision", "ambiguous identifier", "parse error", "unknown identifier")
# \\1 before each commit, NUL after each field; what follows are the paths.
_LOG_TEMPLATE = r"\x01{node}\0{p1node}\0{date|hgdate}\0{desc|firstline}\0{files % '{file}\0'}"
_CONFIGS = ("ui.relative-paths=no", "ui.interactive=no", "diff.git=yes", "diff.noprefix=no")


class Hg:
    name = "hg"

    def __init__(self, root: Path, repository: Path) -> None:
        self._root = root
        self._repository = repository
        self._prefix = "" if root == repository else root.relative_to(repository).as_posix() + "/"
        self._client: Any = None
        self._lock = threading.Lock()
        self._idle: asyncio.TimerHandle | None = None

    async def tracked(self) -> list[str]:
        output = await self._hg("files", "-0", *self._inside(None), passes=(0, 1))
        return sorted(path for name in output.split(b"\0") if name and (path := self._relative(name)) is not None)

    async def status(self) -> list[FileState]:
        found = []
        for entry in (await self._hg("status", "-0", "-mardu", *self._inside(None))).split(b"\0"):
            path = self._relative(entry[2:]) if entry else None
            if path is not None:
                found.append(FileState(path, _STATES[chr(entry[0])]))
        return found

    async def diff(self, paths: Sequence[str] | None = None, max_bytes: int = MAX_DIFF_BYTES) -> str:
        if paths is not None and not paths:
            return ""
        arguments = ("diff", "--git", "--nodates", "--root", str(self._root), *self._inside(paths))
        return text_within(await self._hg(*arguments), max_bytes)

    async def revision(self) -> str | None:
        node = (await self._hg("log", "-r", ".", "-T", "{node}")).decode("ascii")
        return node if node.strip("0") else None

    async def resolve(self, rev: str) -> str | None:
        if not rev or "\0" in rev:
            return None
        name = rev.replace("\\", "\\\\").replace("'", "\\'")
        # A branch may be called what is no expression.
        return await self._one(rev) or await self._one(f"'{name}'")

    async def _one(self, expression: str) -> str | None:
        try:
            output = await self._hg("log", f"--rev=present({expression})", "-T", "{node}\\n")
        except InfraError as error:
            if any(sign in str(error) for sign in _NOT_A_REVISION):
                return None
            raise
        nodes = output.decode("ascii").split()
        return nodes[0] if len(nodes) == 1 and nodes[0].strip("0") else None

    async def archive(self, rev: str, target: Path) -> tuple[str, ...]:
        node = await self._known(rev)
        with Scratch("hg") as private:
            made = private.path / "revision.tar"
            only = [word for pattern in self._inside(None) for word in ("-I", pattern)]
            flags = ("--no-decode", "--config", "ui.archivemeta=no", "-t", "tar", "-p", _TAR_ROOT)
            await self._hg("archive", *flags, "-r", node, *only, str(made), timeout_s=ARCHIVE_TIMEOUT_S)
            return await asyncio.to_thread(_unpack, made, f"{_TAR_ROOT}/{self._prefix}", target)

    async def read(self, rev: str, path: str) -> bytes | None:
        node = await self._known(rev)
        name = f"path:{self._prefix}{path}"
        kind = await self._hg("files", "-r", node, "-T", "{flags}\\n{path}", name, passes=(0, 1))
        flags, _, found = kind.partition(b"\n")
        if flags == b"l" or self._relative(found) != path:
            return None
        return await self._hg("cat", "-r", node, name)

    async def history(self, since: str | None = None, limit: int = 1000) -> list[Commit]:
        reach = "ancestors(.)" if since is None else f"only(., {await self._known(since)})"
        wanted = f"reverse({reach} - merge() - children(null))"
        output = await self._hg("log", f"--rev={wanted}", f"--limit={limit}", "-T", _LOG_TEMPLATE, *self._inside(None))
        return [self._commit(record) for record in RECORD.split(output)[1:]]

    async def close(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        await asyncio.to_thread(self._close)

    async def _known(self, rev: str) -> str:
        found = await self.resolve(rev)
        if found is None:
            raise InfraError(f"{rev!r} is no revision of {self._root}: hg log shows what there is")
        return found

    def _commit(self, record: bytes) -> Commit:
        node, parent, time_s, subject, *names = record.split(b"\0")
        paths = [path for name in names if name and (path := self._relative(name)) is not None]
        return Commit(
            id=node.decode("ascii"),
            parent=parent.decode("ascii"),
            time_s=int(time_s.split()[0]),
            subject=subject.decode("utf-8", "replace"),
            paths=tuple(paths),
        )

    def _inside(self, paths: Sequence[str] | None) -> list[str]:
        """Patterns, from the repository's root, for `paths` or the whole workspace."""
        if paths is None:
            return [f"path:{self._prefix.rstrip('/')}"] if self._prefix else []
        return [f"path:{self._prefix}{path}" for path in paths]

    def _relative(self, name: bytes) -> str | None:
        path = name.decode("utf-8", "surrogateescape")
        return path.removeprefix(self._prefix) if path.startswith(self._prefix) else None

    async def _hg(self, *arguments: str, passes: tuple[int, ...] = (0,), timeout_s: float = TIMEOUT_S) -> bytes:
        loop = asyncio.get_running_loop()
        if self._idle is not None:
            self._idle.cancel()
        running = asyncio.ensure_future(
            asyncio.to_thread(self._run, [word.encode("utf-8") for word in arguments], passes)
        )
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.shield(running)
        except TimeoutError:
            self._kill()
            await asyncio.wait({running})
            raise InfraError(f"hg {arguments[0]} took more than {timeout_s:.0f} s in {self._root}") from None
        finally:
            self._idle = loop.call_later(IDLE_S, self._close_soon)

    def _run(self, arguments: list[bytes], passes: tuple[int, ...]) -> bytes:
        def judge(code: int, output: bytes, said: bytes) -> bytes:
            if code in passes:
                return output
            reason = said.decode("utf-8", "replace").strip()
            raise InfraError(f"hg {arguments[0].decode()} failed in {self._root}: {reason}")

        with self._lock:
            try:
                if self._client is None:
                    self._client = self._opened()
                output: bytes = self._client.rawcommand(arguments, eh=judge)
            except (hglib.error.ServerError, hglib.error.ResponseError, OSError, ValueError) as error:
                self._drop()
                raise InfraError(
                    f"hg can't be run in {self._repository}: {error}; apt-get install mercurial"
                ) from error
            return output

    def _opened(self) -> Any:
        client = hglib.client.hgclient(str(self._repository), "UTF-8", list(_CONFIGS), connect=False)
        client._env["HGRCSKIPREPO"] = "1"  # hglib has no argument for it
        return client.open()

    def _kill(self) -> None:
        """End the server under a command that waits for it: its thread then fails and drops the client."""
        server = None if self._client is None else self._client.server
        if server is not None:
            server.kill()

    def _close_soon(self) -> None:
        threading.Thread(target=self._close, daemon=True).start()

    def _close(self) -> None:
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None and client.server is not None:
            client.close()


def _unpack(made: Path, prefix: str, target: Path) -> tuple[str, ...]:
    with laying(target) as into, tarfile.open(made, encoding="utf-8", errors="surrogateescape") as archive:
        for member in archive:
            path = member.name.removeprefix(prefix)
            if member.issym():
                into.link(path, member.linkname)
            elif member.isreg():
                content = archive.extractfile(member)
                assert content is not None
                into.file(path, content.read(), executable=bool(member.mode & 0o100))
        return into.finish()
