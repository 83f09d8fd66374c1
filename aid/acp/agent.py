"""The agent that an editor speaks to: the protocol's requests, and the sessions they are about."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from aid import __version__, client
from aid.acp import schema
from aid.acp.editor import Editor
from aid.acp.peer import Peer, Then, read
from aid.acp.session import Session
from aid.acp.stdio import LINE_LIMIT_BYTES, Writer, start_reading
from aid.errors import UsageError
from aid.protocol import ChatParams, ChatsParams, ChatsResult
from aid.root import is_too_wide
from aid.server.message import INVALID_REQUEST, METHOD_NOT_FOUND, Call, RpcError

NOT_FOUND = -32002  # the protocol's "resource not found"
_CAPABILITIES = {
    "loadSession": True,
    "promptCapabilities": {"embeddedContext": True},
    "sessionCapabilities": {"list": {}, "resume": {}, "close": {}, "delete": {}},
}
Serve = Callable[[Any], Awaitable[Any]]


class Agent:
    """`send` takes a message's body to the editor; `peer` is the editor."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self.peer = Peer(send, self._serve, self._hear, lambda identity: ("$/cancel_request", {"requestId": identity}))
        self._fs: schema.FileSystem | None = None
        self._sessions: dict[str, Session] = {}
        self._listed: dict[str, Path] = {}
        self._methods: dict[str, tuple[type, Serve]] = {
            "initialize": (schema.InitializeParams, self._initialize),
            "session/new": (schema.NewParams, self._new),
            "session/load": (schema.LoadParams, self._load),
            "session/resume": (schema.LoadParams, self._resume),
            "session/list": (schema.ListParams, self._list),
            "session/close": (schema.SessionParams, self._close),
            "session/delete": (schema.SessionParams, self._delete),
            "session/prompt": (schema.PromptParams, self._prompt),
            "session/set_mode": (schema.SetModeParams, self._set_mode),
            "session/set_config_option": (schema.SetOptionParams, self._set_option),
        }

    async def finish(self) -> None:
        """The editor says nothing more: stop the turns, answer the rest of what it asked."""
        for session in self._sessions.values():
            session.cancel()
        await self.peer.finish("the editor is gone")
        await asyncio.gather(*(each.close() for each in self._sessions.values()))

    async def _serve(self, call: Call) -> Any:
        if call.method not in self._methods:
            raise RpcError(METHOD_NOT_FOUND, f"there is no method {call.method!r}")
        if self._fs is None and call.method != "initialize":
            raise RpcError(INVALID_REQUEST, "send 'initialize' first")
        params, serve = self._methods[call.method]
        return await serve(read(call.params, params))

    def _hear(self, call: Call) -> None:
        if call.method == "session/cancel":
            session = self._sessions.get(read(call.params, schema.SessionParams).session_id)
            if session is not None:
                session.cancel()

    async def _initialize(self, params: schema.InitializeParams) -> dict[str, Any]:
        self._fs = params.client_capabilities.fs
        return {
            "protocolVersion": schema.VERSION,
            "agentCapabilities": _CAPABILITIES,
            "authMethods": [],
            "agentInfo": {"name": "aid", "title": "AID", "version": __version__},
        }

    async def _new(self, params: schema.NewParams) -> Then:
        session_id = f"acp-{os.urandom(6).hex()}"
        made = await self._open(session_id, params, replayed=False)
        return Then(msgspec.structs.replace(made.result, session_id=session_id), made.afterwards)

    async def _load(self, params: schema.LoadParams) -> Then:
        return await self._open(params.session_id, params, replayed=True)

    async def _resume(self, params: schema.LoadParams) -> Then:
        return await self._open(params.session_id, params, replayed=False)

    async def _list(self, params: schema.ListParams) -> dict[str, Any]:
        """Of one workspace, and without `cwd` of those that this editor has had to do with."""
        roots = {_root(params.cwd)} if params.cwd is not None else {each.root for each in self._sessions.values()}
        found = []
        for root in sorted(roots or {Path.cwd()}):
            result: ChatsResult = await _once("aid/chats", ChatsParams(workspace=str(root)))
            self._listed |= {each.chat: root for each in result.chats}
            found += [(each.at, _entry(each.chat, root, each.title, each.at)) for each in result.chats]
        return {"sessions": [entry for _, entry in sorted(found, key=lambda pair: -pair[0])]}

    async def _close(self, params: schema.SessionParams) -> dict[str, Any]:
        await self._session(params.session_id).close()
        del self._sessions[params.session_id]
        return {}

    async def _delete(self, params: schema.SessionParams) -> dict[str, Any]:
        session = self._sessions.pop(params.session_id, None)
        if session is not None:
            await session.close()
        root = session.root if session is not None else self._listed.get(params.session_id, Path.cwd())
        await _once("aid/forgetChat", ChatParams(workspace=str(root), chat=params.session_id))
        return {}

    async def _prompt(self, params: schema.PromptParams) -> dict[str, Any]:
        return {"stopReason": await self._session(params.session_id).prompt(params.prompt)}

    async def _set_mode(self, params: schema.SetModeParams) -> dict[str, Any]:
        self._session(params.session_id).set("mode", params.mode_id)
        return {}

    async def _set_option(self, params: schema.SetOptionParams) -> dict[str, Any]:
        return {"configOptions": self._session(params.session_id).set(params.config_id, params.value)}

    async def _open(self, session_id: str, params: schema.NewParams, *, replayed: bool) -> Then:
        """A session of that name stands until the one that takes its place has begun."""
        assert self._fs is not None
        root = _root(params.cwd)
        left_out = ("MCP servers, for its models call no tools",) if params.mcp_servers else ()
        session = Session(session_id, root, Editor(self.peer, session_id, self._fs), left_out)
        try:
            opened = await session.start()
            said = await session.said_before() if replayed else ()
        except BaseException:
            await session.close()
            raise
        earlier = self._sessions.get(session_id)
        self._sessions[session_id] = session
        if earlier is not None:
            session.written = earlier.written
            await earlier.close()
        session.replay(said)
        return Then(opened, session.introduce)

    def _session(self, session_id: str) -> Session:
        if session_id not in self._sessions:
            raise RpcError(
                NOT_FOUND, f"there is no session {session_id!r}: make one by 'session/new' or 'session/load'"
            )
        return self._sessions[session_id]


async def serve(stdin: int = 0, stdout: int = 1) -> None:
    """Speak to the editor until it closes standard input, or doesn't read any more."""
    over = asyncio.Event()
    writer = Writer(stdout, over.set)
    agent = Agent(writer.send)

    def line(found: bytes | None) -> None:
        if found is None:
            agent.peer.refuse(INVALID_REQUEST, f"a message is over the limit of {LINE_LIMIT_BYTES} bytes")
        else:
            agent.peer.received(found)

    start_reading(stdin, line, over.set)
    await over.wait()
    await agent.finish()
    await writer.close()


def run() -> None:
    asyncio.run(serve())


async def _once(method: str, params: Any) -> Any:
    """A single request to the daemon, which is started when there is none."""

    def ask() -> Any:
        with client.connect() as connected:
            return connected.call(method, params)

    return await asyncio.to_thread(ask)


def _root(cwd: str) -> Path:
    """As the editor spells it: it knows its files by that. Raises UsageError when it is no project's directory."""
    root = Path(cwd)
    if not root.is_absolute() or not root.is_dir():
        raise UsageError(f"cwd {cwd!r} is not the absolute path of a directory")
    if is_too_wide(root.resolve()):
        raise UsageError(f"{root} is no project: open the directory of one")
    return root


def _entry(chat: str, root: Path, title: str, at: float) -> schema.SessionEntry:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    return schema.SessionEntry(session_id=chat, cwd=str(root), title=title, updated_at=stamp)
