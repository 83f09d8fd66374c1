"""Random conversations: every request is answered exactly once, whatever came before it, and nothing is raised."""

import asyncio
from types import ModuleType
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aid.framing import Decoder, encode
from aid.server.connection import Connection
from aid.server.routes import routes
from aid.server.wire import Limits

URI = "file:///w/a.ml"
places = st.fixed_dictionaries({"line": st.integers(-2, 5), "character": st.integers(-2, 9)})
ranges = st.fixed_dictionaries({"start": places, "end": places})
changes = st.fixed_dictionaries({"text": st.text(max_size=5)}, optional={"range": ranges})
document = st.fixed_dictionaries(
    {"uri": st.sampled_from([URI, "untitled:1", "file:///"]), "version": st.integers(0, 9)},
    optional={"languageId": st.just("ocaml"), "text": st.text(max_size=20)},
)
diagnostics = st.fixed_dictionaries(
    {"range": ranges, "message": st.text(max_size=5)}, optional={"severity": st.just(1)}
)
junk = st.none() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2) | st.just({})
edit_arguments = st.fixed_dictionaries({}, optional={"uri": st.just(URI), "prompt": st.just("edit"), "range": ranges})

params = {
    "initialize": st.fixed_dictionaries({}, optional={"capabilities": st.just({}), "rootUri": st.just("file:///w")}),
    "textDocument/didOpen": st.fixed_dictionaries({"textDocument": document}),
    "textDocument/didChange": st.fixed_dictionaries(
        {"textDocument": document, "contentChanges": st.lists(changes, max_size=3)}
    ),
    "textDocument/didClose": st.fixed_dictionaries({"textDocument": document}),
    "textDocument/didSave": st.fixed_dictionaries({"textDocument": document}),
    "textDocument/codeAction": st.fixed_dictionaries(
        {
            "textDocument": document,
            "range": ranges,
            "context": st.fixed_dictionaries({"diagnostics": st.lists(diagnostics | junk, max_size=2)}),
        }
    ),
    "workspace/executeCommand": st.fixed_dictionaries(
        {"command": st.sampled_from(["aid.edit", "aid.undo", "aid.accept", "no"])},
        optional={"arguments": st.lists(edit_arguments | junk, max_size=2)},
    ),
    "window/workDoneProgress/cancel": st.fixed_dictionaries({"token": st.integers(0, 3)}),
    "shutdown": st.none(),
    "aid/prompt": st.just({"workspace": "/w", "prompt": "echo x"}),
    "aid/status": st.just({}),
    "initialized": st.just({}),
    "$/cancelRequest": st.fixed_dictionaries({"id": st.integers(0, 5)}),
}
messages = st.sampled_from(sorted(params)).flatmap(
    lambda method: st.tuples(st.just(method), params[method] | junk, st.booleans())
)


class Recorder(asyncio.Transport):
    """The other end's transport: keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[dict[str, Any]] = []
        self._decoder = Decoder()

    def write(self, data: Any) -> None:
        self.written += [msgspec.json.decode(body) for body in self._decoder.feed(bytes(data))]

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def close(self) -> None:
        pass


async def converse(host: Any, conversation: list[tuple[str, Any, bool]]) -> tuple[list[int], list[dict[str, Any]]]:
    async def own(params: Any, client: Any) -> dict[str, Any]:
        return {}

    recorder = Recorder()
    served = routes(host, {"aid/status": own, "aid/shutdown": own})
    connection = Connection(host, served, Limits(), lambda gone: None)
    connection.wire.connection_made(recorder)
    asked = []
    for number, (method, given_params, is_request) in enumerate(conversation):
        message = {"jsonrpc": "2.0", "method": method, "params": given_params}
        if is_request:
            asked.append(number)
            message["id"] = number
        connection.wire.data_received(encode(msgspec.json.encode(message)))
    if connection.running:
        await asyncio.wait(connection.running)
    await asyncio.sleep(0)
    connection.wire.connection_lost(None)
    if connection.running:
        await asyncio.wait(connection.running)
    return asked, recorder.written


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(conversation=st.lists(messages, max_size=12))
def test_every_request_is_answered_once(
    fakes: ModuleType, caplog: pytest.LogCaptureFixture, conversation: list[tuple[str, Any, bool]]
) -> None:
    asked, written = asyncio.run(converse(fakes.FakeHost(), conversation))
    answered = [message["id"] for message in written if "method" not in message]
    assert sorted(answered) == asked
    failed = {vars(record)["method"] for record in caplog.records if record.getMessage() == "internal error"}
    assert failed <= {"workspace/executeCommand"}, "the fake host reads files that aren't there; all else is ours"
