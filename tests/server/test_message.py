"""Messages: any bytes are a call, an answer or malformed, and malformed ones can be answered."""

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
