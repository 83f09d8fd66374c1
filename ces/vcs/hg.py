"""Mercurial, by its command server kept open: a status takes 10 ms against 150 ms for a new `hg` each time.

hglib is synchronous, so commands run in a thread, one at a time; a server nobody asks for a while is closed. The
repository's own hgrc, which may load extensions and run hooks, is not read (HGRCSKIPREPO); the person's is.
"""

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hglib  # type: ignore[import-untyped]
import hglib.client  # type: ignore[import-untyped]
import hglib.error  # type: ignore[import-untyped]

from ces.errors import InfraError
from ces.vcs.vcs import MAX_DIFF_BYTES, FileState, State, text_within

IDLE_S = 300.0
TIMEOUT_S = 30.0
_STATES: dict[str, State] = {"M": "modified", "A": "added", "R": "deleted", "!": "deleted", "?": "untracked"}
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

    async def close(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        await asyncio.to_thread(self._close)

    def _inside(self, paths: Sequence[str] | None) -> list[str]:
        """Patterns, from the repository's root, for `paths` or the whole workspace."""
        if paths is None:
            return [f"path:{self._prefix.rstrip('/')}"] if self._prefix else []
        return [f"path:{self._prefix}{path}" for path in paths]

    def _relative(self, name: bytes) -> str | None:
        path = name.decode("utf-8", "surrogateescape")
        return path.removeprefix(self._prefix) if path.startswith(self._prefix) else None

    async def _hg(self, *arguments: str, passes: tuple[int, ...] = (0,)) -> bytes:
        loop = asyncio.get_running_loop()
        if self._idle is not None:
            self._idle.cancel()
        running = asyncio.ensure_future(
            asyncio.to_thread(self._run, [word.encode("utf-8") for word in arguments], passes)
        )
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await asyncio.shield(running)
        except TimeoutError:
            self._kill()
            await asyncio.wait({running})
            raise InfraError(f"hg {arguments[0]} took more than {TIMEOUT_S:.0f} s in {self._root}") from None
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
