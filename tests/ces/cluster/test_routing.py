"""Which node a request goes to. Nodes are names here."""

from hypothesis import given
from hypothesis import strategies as st

from ces.cluster.routing import Known, Router
from ces.cluster.scaling import wanted_workers

A, B = ("/a", None), ("/b", "1f2e")


def router(**workers: int) -> Router:
    made = Router(depth=4)
    for name, count in workers.items():
        made.add(name, count)
    return made


def test_bases_spread_and_requests_go_where_theirs_is() -> None:
    nodes = router(x=1, y=1)
    first, second = nodes.choose(A), nodes.choose(B)
    assert {first, second} == {"x", "y"}
    nodes.release("x")
    nodes.release("y")
    for _ in range(5):
        assert nodes.choose(B) == second
        nodes.release("x" if second == "x" else "y")


def test_a_long_queue_spills_to_a_node_with_nothing_to_do() -> None:
    nodes = router(x=1, y=1)
    assert [nodes.choose(A) for _ in range(3)] == ["x", "x", "y"]
    assert nodes.choose(A) == "y"  # warm now, and the less loaded
    assert sorted(nodes.choose(A) or "" for _ in range(4)) == ["x", "x", "y", "y"]
    assert nodes.full and nodes.choose(A) is None


def test_no_spill_to_a_node_that_is_busy_with_others() -> None:
    nodes = router(x=1, y=1)
    for key in (A, B):
        nodes.choose(key)
    assert [nodes.choose(A) for _ in range(3)] == ["x", "x", "x"]  # up to its depth
    assert nodes.choose(A) == "y"


def test_a_lost_node_is_forgotten_and_its_places_with_it() -> None:
    nodes = router(x=1, y=1)
    assert nodes.choose(A) == "x"
    nodes.remove("x")
    nodes.release("x")
    assert nodes.places == 4 and nodes.choose(A) == "y"
    nodes.add("x2", 2)
    assert nodes.places == 12 and nodes.in_flight() == {"y": 1, "x2": 0}


def test_an_evicted_base_is_forgotten_and_one_on_disk_is_known() -> None:
    nodes = router(x=1, y=1)
    nodes.has("y", [Known(A, "base")])
    assert nodes.choose(A) == "y"
    nodes.judged("y", A, "base")
    nodes.release("y")
    nodes.has("y", [Known(B, "other")])
    assert (nodes.choose(A), nodes.choose(B)) == ("x", "y")


def test_where_the_workspace_is_not_seen_it_is_not_asked_for_again() -> None:
    nodes = router(x=1, y=1)
    assert nodes.choose(A) == "x"
    nodes.lacks("x", A)
    nodes.release("x")
    assert [nodes.choose(A) for _ in range(4)] == ["y"] * 4
    assert nodes.choose(A) is None  # waits rather than ask x
    assert nodes.choose(A, {"y"}) == "x" and not nodes.possible({"x", "y"})


def test_an_ailing_node_comes_last_until_it_judges() -> None:
    nodes = router(x=1, y=1)
    nodes.ails("x")
    assert [nodes.choose(B) for _ in range(5)] == ["y", "y", "y", "y", "x"]
    nodes.judged("x", B, "b")
    nodes.release("y")
    nodes.release("x")
    assert nodes.choose(A) == "x"  # nothing to do, and well


@given(
    st.dictionaries(st.sampled_from("wxyz"), st.integers(1, 3), min_size=1),
    st.lists(st.tuples(st.sampled_from(["ask", "end", "ails", "lacks"]), st.integers(0, 5)), max_size=60),
)
def test_no_node_has_more_than_its_depth_and_room_is_used(
    workers: dict[str, int], moves: list[tuple[str, int]]
) -> None:
    nodes, held = router(**workers), list[str]()
    for move, number in moves:
        key = (f"/{number}", None)
        if move == "ask":
            full = nodes.full
            found = nodes.choose(key)
            assert found is None if full else True
            held += [] if found is None else [found]
        elif held and move == "end":
            nodes.release(held.pop(number % len(held)))
        elif held and move == "ails":
            nodes.ails(held[number % len(held)])
        elif held:
            nodes.lacks(held[number % len(held)], key)
        assert nodes.in_flight() == {name: held.count(name) for name in workers}
        assert all(held.count(name) <= count * 4 for name, count in workers.items())


def test_wanted_workers_follow_what_is_asked() -> None:
    assert [wanted_workers(asked, 4) for asked in (0, 1, 4, 5, 16_000, 10**9)] == [0, 1, 1, 2, 4000, 10_000]
