"""A session's way to the daemon: `aid connect`, as any editor starts it, with its LSP and its `aid/…` requests.

Started at the first call, and again after it ended. What to do when the daemon goes away is the bridge's business.
"""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from aid import errors
from aid.acp.peer import Peer, PeerError, read
from aid.errors import AidError, Cancelled, DaemonError
from aid.framing import Decoder, Fault, encode
from aid.protocol import METHODS, Wire
from aid.server.message import Call

_PIECE_BYTES = 256 * 1024
_END_S = 5.0
_BRIDGE = "from aid.cli.entry import main; main()"  # what the `aid` command runs, without having to find it
_CAPABILITIES = {"workspace": {"applyEdit": True, "workspaceEdit": {"documentChanges": True, "resourceOperations": []}}}
_ERROR = 1  # LSP 3.17, MessageType


class _Shown(msgspec.Struct):
    """LSP 3.17, ShowMessageParams."""

    type: int
    message: str


class Link:
    """For the workspace `root`. `serve` answers the daemon's requests, `hear` takes its notifications; `fresh` is
    called when a new bridge stands, to which no document is open yet."""

    def __init__(
        self,
        root: Path,
        serve: Callable[[Call], Awaitable[Any]],
        hear: Callable[[Call], None],
        fresh: Callable[[], None],
    ) -> None:
        self._root = root
        self._serve = serve
        self._hear = hear
        self._fresh = fresh
        self._peer: Peer | None = None
        self._process: Process | None = None
        self._pump: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()

    async def call(self, method: str, params: Wire) -> Any:
        """The result of one of protocol.METHODS, as its struct.

        Raises what the daemon raised, by its own class where it is an AidError; DaemonError when it can't be reached.
        """
        peer = await self._connected()
        try:
            return await peer.call(method, params, METHODS[method].result)
        except PeerError as error:
            raise _raised(error) from None
        except ConnectionError as error:
            raise DaemonError(str(error)) from None

    async def tell(self, method: str, params: Any) -> None:
        """Send one of the LSP's notifications."""
        (await self._connected()).notify(method, params)

    async def close(self) -> None:
        if self._process is None or self._pump is None:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(asyncio.shield(self._pump), _END_S)
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._pump

    async def _connected(self) -> Peer:
        async with self._starting:
            if self._peer is None:
                self._peer = await self._start()
            return self._peer

    async def _start(self) -> Peer:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _BRIDGE, "connect"), cwd=self._root, stdin=PIPE, stdout=PIPE, stderr=PIPE
        )
        assert process.stdin is not None
        stdin = process.stdin
        peer = Peer(lambda body: stdin.write(encode(body)), self._serve, lambda call: self._heard(peer, call), _cancel)
        self._process = process
        self._pump = asyncio.create_task(self._run(process, peer))
        self._fresh()
        begin = {
            "processId": os.getpid(),
            "clientInfo": {"name": "aid acp"},
            "rootUri": self._root.as_uri(),
            "capabilities": _CAPABILITIES,
        }
        try:
            await peer.call("initialize", begin, dict[str, Any])
        except (PeerError, ConnectionError) as error:
            stdin.close()
            raise DaemonError(str(error)) from None
        peer.notify("initialized", {})
        return peer

    def _heard(self, peer: Peer, call: Call) -> None:
        """A bridge that can't start a daemon says so and goes on trying; who opens a session wants to know now."""
        if call.method == "window/showMessage" and self._peer is not peer:
            shown: _Shown = read(call.params, _Shown)
            if shown.type == _ERROR:
                peer.lost(shown.message.removeprefix("AID: "))
                return
        self._hear(call)

    async def _run(self, process: Process, peer: Peer) -> None:
        """Pass on what the bridge says until it ends."""
        assert process.stdout is not None and process.stderr is not None
        said = asyncio.create_task(process.stderr.read())
        decoder = Decoder()
        while piece := await process.stdout.read(_PIECE_BYTES):
            for body in decoder.feed(piece):
                if not isinstance(body, Fault):
                    peer.received(body)
        told = (await said).decode("utf-8", "replace").strip().splitlines()
        await process.wait()
        self._peer = None
        peer.lost(told[-1].removeprefix("aid: ") if told else "the daemon went away: see 'aid logs', and try again")


def _cancel(identity: int) -> tuple[str, Any]:
    return "$/cancelRequest", {"id": identity}


def _raised(error: PeerError) -> AidError:
    kind = getattr(errors, error.kind, None)
    if isinstance(kind, type) and issubclass(kind, AidError):
        return kind(str(error))
    return Cancelled("cancelled") if error.code == Cancelled.rpc_code else DaemonError(str(error))
