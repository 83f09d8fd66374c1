"""The real daemon under many clients at once, over its real socket."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

from aid.framing import Decoder, encode

Machine = Any

CLIENTS = 50
REQUESTS = 20
NUMBERED = {"match": "no.", "marker": "no\\.(\\d+)", "reply": "answer to {marker}", "chunk_chars": 4}
HELD = {"match": "wait", "pieces": [{"text": "I think"}, {"wait": "never"}]}


class Client:
    """One connection: asks, tells, and sorts what comes back."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._decoder = Decoder(body_limit_bytes=1 << 24)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.streaming: dict[str, asyncio.Event] = {}
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def connect(cls, machine: Machine) -> "Client":
        return cls(*await asyncio.open_unix_connection(str(machine.home / "aid" / "aid.sock")))

    def ask(self, number: int, machine: Machine, prompt: str) -> "asyncio.Future[dict[str, Any]]":
        params = {"workspace": str(machine.root), "prompt": prompt, "token": str(number)}
        self.send({"id": number, "method": "aid/prompt", "params": params})
        self.streaming[str(number)] = asyncio.Event()
        self._answers[number] = asyncio.get_running_loop().create_future()
        return self._answers[number]

    def send(self, message: dict[str, Any]) -> None:
        self._writer.write(encode(json.dumps({"jsonrpc": "2.0", **message}).encode()))

    async def _read(self) -> None:
        while piece := await self._reader.read(1 << 16):
            for body in self._decoder.feed(piece):
                assert isinstance(body, bytes)
                message = json.loads(body)
                if message.get("method") == "aid/update" and message["params"]["kind"] == "text":
                    self.streaming[message["params"]["token"]].set()
                elif "id" in message and "method" not in message:
                    self._answers[message["id"]].set_result(message)

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)


async def test_fifty_clients_get_their_own_answers_each(machine: Machine) -> None:
    machine.replies(NUMBERED)
    machine.run("start")
    clients = [await Client.connect(machine) for _ in range(CLIENTS)]

    async def all_of(which: int, client: Client) -> None:
        for turn in range(REQUESTS):
            number = which * 1000 + turn
            answer = await client.ask(number, machine, f"say no.{number} please")
            assert answer["result"]["text"] == f"answer to {number}", answer

    await asyncio.gather(*(all_of(which, client) for which, client in enumerate(clients)))
    await asyncio.gather(*(client.close() for client in clients))


async def test_cancelling_half_leaves_the_other_half_unharmed(machine: Machine) -> None:
    machine.replies(HELD, NUMBERED)
    machine.run("start")
    clients = [await Client.connect(machine) for _ in range(CLIENTS)]
    held = [client.ask(1, machine, "wait for it") for client in clients[::2]]
    await asyncio.gather(*(client.streaming["1"].wait() for client in clients[::2]))
    answered = [client.ask(2, machine, f"say no.{n}") for n, client in enumerate(clients[1::2])]
    for client in clients[::2]:
        client.send({"method": "$/cancelRequest", "params": {"id": 1}})
    for n, answer in enumerate(await asyncio.gather(*answered)):
        assert answer["result"]["text"] == f"answer to {n}"
    assert {answer["error"]["code"] for answer in await asyncio.gather(*held)} == {-32800}
    await asyncio.gather(*(client.close() for client in clients))
    assert json.loads(machine.run("status", "--json").stdout)["requests_running"] == 0


async def test_the_log_has_no_prompt_text(machine: Machine) -> None:
    machine.replies(NUMBERED)
    machine.run("start")
    client = await Client.connect(machine)
    await client.ask(1, machine, "say no.4711, a secret word")
    await client.close()
    for path in Path(machine.home / "state").rglob("*"):
        if path.is_file() and "proposals" not in path.parts:
            assert not re.search(rb"a secret word", path.read_bytes()), path
