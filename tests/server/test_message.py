"""Messages: any bytes are a call, an answer or malformed, and malformed ones can be answered."""

import json
import re
import tracemalloc

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from aid.server.message import Answer, Call, Malformed, call_body, error_body, parse, result_body

leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))
envelopes = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.sampled_from(["2.0", "1.0"]) | values,
        "id": values,
        "method": st.sampled_from(["aid/status", "initialize"]) | values,
        "params": values,
        "result": values,
        "error": values,
    },
)


def check(body: bytes) -> None:
    found = parse(body)
    assert isinstance(found, Call | Answer | Malformed)
    if isinstance(found, Malformed):
        answer = msgspec.json.decode(error_body(found.id, found.code, found.message))
        assert answer["id"] == found.id and answer["error"]["code"] in (-32700, -32600)
    elif isinstance(found, Call) and found.id is not None:
        assert msgspec.json.decode(result_body(found.id, None))["id"] == found.id


@given(st.binary(max_size=200))
def test_any_bytes(body: bytes) -> None:
    check(body)


@given(envelopes | values)
def test_any_json(value: object) -> None:
    check(msgspec.json.encode(value))


@given(st.integers(-(2**63), 2**63) | st.text(max_size=10), values)
def test_a_call_is_read_back(identity: int | str, params: object) -> None:
    found = parse(call_body("aid/x", [params], identity))
    assert isinstance(found, Call) and found.id == identity
    assert msgspec.json.decode(found.params) == msgspec.json.decode(msgspec.json.encode([params]))


pieces = st.sampled_from([r"\ud83d", r"\uDE0B", r"\ud83d\ude0b", r"\\", r"\"", r"\n", r"\u0041", "ud83d", "é", "a"])


@given(st.lists(pieces, max_size=12))
def test_each_lone_surrogate_is_read_as_one_unknown_character(text: list[str]) -> None:
    value = '"' + "".join(text) + '"'
    found = parse(f'{{"jsonrpc":"2.0","method":"aid/x","params":{value}}}'.encode())
    assert isinstance(found, Call)
    expected = re.sub("[\ud800-\udfff]", "\ufffd", json.loads(value))
    assert msgspec.json.decode(found.params) == expected
    assert msgspec.json.decode(found.body)["params"] == expected


def test_a_large_unreadable_message_takes_no_longer_than_it_is_long() -> None:
    """A minute, were each of these looked through once for every quote or bracket in it."""
    for piece in (rb"\"", b"[", b'"uri":"', rb"\ud83d", b"\\", b'"id":', b'"'):
        found = parse(b'{"id":1,"method":"textDocument/didOpen","x":' + piece * 300_000 + rb"\q")
        assert isinstance(found, Call | Malformed)


def test_a_large_malformed_message_is_not_built() -> None:
    """Twenty million empty lists would be more than a gigabyte."""
    body = b"[" + b"[]," * 1_000_000 + b"[]]"
    tracemalloc.start()
    try:
        assert parse(body).code == -32600  # type: ignore[union-attr]
        assert parse(b'{"id": 4, "x": ' + body + b"}").id == 4  # type: ignore[union-attr]
        assert tracemalloc.get_traced_memory()[1] < 10 * len(body)
    finally:
        tracemalloc.stop()
