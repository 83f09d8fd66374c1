"""An editor for tests, over the protocol's TypeScript SDK (client.mjs): it has buffers, and a person who decides."""

import asyncio
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
Decide = Callable[[dict[str, Any]], str | None]


class RefusedError(Exception):
    """The agent's error to a request."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Editor:
    """`buffers` is unsaved text by path; `decide` gives a tool call's chosen option, None: the turn is cancelled,
    "wait": no answer at all."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.updates: list[dict[str, Any]] = []
        self.permissions: list[dict[str, Any]] = []
        self.buffers: dict[str, str] = {}
        self.written: dict[str, str] = {}
        self.decide: Decide = lambda call: "allow"
        self._process = process
        self._ids = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._changed = asyncio.Event()
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, sdk: Path, program: Path, env: dict[str, str], cwd: Path) -> "Editor":
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *("node", str(HERE / "client.mjs"), str(sdk), str(program), "acp"),
            stdin=pipe,
            stdout=pipe,
            env=env,
            cwd=cwd,
            limit=1 << 24,
        )
        return cls(process)

    async def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._listening
        await self._process.wait()

    async def request(self, method: str, **params: Any) -> Any:
        identity = next(self._ids)
        self._asked[identity] = asyncio.get_running_loop().create_future()
        self._tell({"id": identity, "request": method, "params": params})
        return await self._asked[identity]

    def notify(self, method: str, **params: Any) -> None:
        self._tell({"notify": method, "params": params})

    async def open(self, root: Path, *, read: bool = False, write: bool = False) -> Any:
        """Initialize and make a session; what `session/new` answered."""
        fs = {"readTextFile": read, "writeTextFile": write}
        await self.request("initialize", protocolVersion=1, clientCapabilities={"fs": fs})
        return await self.request("session/new", cwd=str(root), mcpServers=[])

    async def prompt(self, session: str, *words: str | dict[str, Any]) -> str:
        """The stop reason."""
        blocks = [{"type": "text", "text": word} if isinstance(word, str) else word for word in words]
        answer = await self.request("session/prompt", sessionId=session, prompt=blocks)
        return str(answer["stopReason"])

    async def until(self, kind: str, holds: Callable[[dict[str, Any]], bool] = lambda update: True) -> dict[str, Any]:
        """The first update of a kind for which `holds`, waited for."""
        while True:
            for update in self.of(kind):
                if holds(update):
                    return update
            self._changed.clear()
            await self._changed.wait()

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [update for update in self.updates if update["sessionUpdate"] == kind]

    def said(self, kind: str = "agent_message_chunk") -> str:
        return "".join(update["content"]["text"] for update in self.of(kind))

    def ended(self) -> dict[str, str]:
        """The last status of each tool call, by its title's file."""
        titles = {call["toolCallId"]: call["locations"][0]["path"].rpartition("/")[2] for call in self.of("tool_call")}
        return {titles[each["toolCallId"]]: each["status"] for each in self.of("tool_call_update")}

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            message = json.loads(line)
            if "update" in message:
                self.updates.append(message["update"]["update"])
                self._changed.set()
            elif "asked" in message:
                answer = self._answer(message["method"], message["params"])
                if answer is not None:
                    self._tell({"answer": message["asked"]} | answer)
            elif "id" in message and "error" in message:
                self._asked.pop(message["id"]).set_exception(RefusedError(**message["error"]))
            elif "id" in message:
                self._asked.pop(message["id"]).set_result(message["result"])
        for waiting in self._asked.values():
            waiting.set_exception(EOFError("the agent ended"))

    def _answer(self, method: str, params: dict[str, Any]) -> dict[str, Any] | None:
        if method == "session/request_permission":
            self.permissions.append(params)
            chosen = self.decide(params["toolCall"])
            if chosen == "wait":
                return None
            outcome = {"outcome": "selected", "optionId": chosen} if chosen else {"outcome": "cancelled"}
            return {"result": {"outcome": outcome}}
        path = Path(params["path"])
        if method == "fs/read_text_file":
            if str(path) in self.buffers or path.exists():
                return {"result": {"content": self.buffers.get(str(path)) or path.read_text()}}
            return {"error": {"code": -32002, "message": f"{path} is not there"}}
        self.written[path.name] = params["content"]
        self.buffers.pop(str(path), None)
        path.write_text(params["content"])
        return {"result": {}}

    def _tell(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
