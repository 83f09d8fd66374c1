"""What the `openai` back end adds before the first token, over reading the same server's stream with bare sockets.

Claim: a small part of the 15 ms the whole daemon may add. Both ask the project's replay server, in a process of its
own, in turn, over a kept connection, and stop the watch at the first piece of answer.
"""

import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

from _scene import PROMPT, SOURCE, server

from aid.config import OpenAIModel
from aid.models import make
from aid.models.backend import Backend, Message, Prompt
from aid.models.chat import chat_body

RUNS, WARM_UP = 300, 20
LIMIT_MS = 15.0
ASKED = Prompt(messages=(Message("system", SOURCE), Message("user", PROMPT)), format="search-replace")


async def by_backend(backend: Backend) -> float:
    started, first = time.perf_counter(), 0.0
    async for chunk in backend.stream(ASKED):
        if not first and chunk.text:
            first = time.perf_counter() - started
    return first * 1000


async def by_socket(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> float:
    started, first = time.perf_counter(), 0.0
    body = json.dumps(chat_body(ASKED, "replay", grammar=False)).encode()
    writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    while (line := await reader.readline()) != b"0\r\n":
        if not first and b'"content":"' in line and b'"content":""' not in line:
            first = time.perf_counter() - started
    await reader.readline()
    return first * 1000


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as url:
        backend = make("bench", OpenAIModel(base_url=url, model="replay"))
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
        pairs = [(await by_socket(reader, writer), await by_backend(backend)) for _ in range(RUNS + WARM_UP)][WARM_UP:]
        writer.close()
        await backend.close()
    direct, ours = (statistics.median(times) for times in zip(*pairs, strict=True))
    added = statistics.median(ours - direct for direct, ours in pairs)
    print(f"first token over a bare socket   {direct:6.2f} ms (median of {RUNS})")
    print(f"first token through the back end {ours:6.2f} ms")
    print(f"added {added:.2f} ms: {added / LIMIT_MS:.0%} of the {LIMIT_MS:.0f} ms the daemon may add")


asyncio.run(main())
