from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from aid.context.budget import LEAST_TOKENS, MAP_SHARE, Claim, share
from aid.context.cut import ELISION_TOKENS, Costs, fit
from aid.context.lines import merge, render, split
from aid.context.outline import Definition

SPANS = st.lists(st.tuples(st.integers(-5, 60), st.integers(-5, 60)), max_size=5)


def definition(first: int, last: int) -> Definition:
    return Definition(name="x", kind="function", first=first, last=last, signature="let x")


def test_lines_end_at_newlines_only() -> None:
    assert split("a\r\nb\x0cc\u2028d\n\ne") == ["a", "b\x0cc\u2028d", "", "e"]
    assert split("a\n") == ["a"]
    assert split("") == []


def test_what_is_left_out_is_said() -> None:
    lines = [str(number) for number in range(10)]
    assert render(lines, ((2, 3), (5, 8))) == "\n".join(
        ["… 2 lines left out …", "2", "… 2 lines left out …", "5", "6", "7", "… 2 lines left out …"]
    )
    assert render(lines, ((0, 9),)).endswith("8\n… 1 line left out …")
    assert render(lines, ((0, 10),)) == "\n".join(lines)


@given(spans=SPANS, count=st.integers(0, 50), gap=st.integers(0, 3))
def test_merged_spans_are_in_order_apart_and_inside(spans: list[tuple[int, int]], count: int, gap: int) -> None:
    merged = merge(spans, count, gap=gap)
    assert all(0 <= first < last <= count for first, last in merged)
    assert all(left[1] + gap < right[0] for left, right in pairwise(merged))
    wanted = {line for first, last in spans for line in range(max(0, first), min(last, count))}
    assert wanted <= {line for first, last in merged for line in range(first, last)}


@given(
    costs=st.lists(st.floats(0.5, 30), max_size=60),
    focus=SPANS,
    core=st.lists(st.integers(0, 60), max_size=3),
    limit=st.floats(0, 400),
    tops=st.lists(st.integers(0, 50), max_size=6),
)
def test_a_cut_never_costs_more_than_its_limit(
    costs: list[float], focus: list[tuple[int, int]], core: list[int], limit: float, tops: list[int]
) -> None:
    definitions = [definition(top, top + 7) for top in sorted(tops)]
    spans = fit(Costs(costs), focus, definitions, limit, core=core)
    assert spans == merge(spans, len(costs))
    assert not spans or Costs(costs).of(spans) <= limit


def test_everything_is_shown_where_it_fits() -> None:
    assert fit(Costs([2.0] * 10), [(3, 4)], [], 20.0) == ((0, 10),)


def test_a_cut_keeps_the_focus_then_its_definition_then_what_is_near() -> None:
    costs = Costs([1.0] * 100)
    definitions = [definition(10, 20), definition(40, 60), definition(70, 90)]
    assert fit(costs, [(50, 53)], definitions, 2 * ELISION_TOKENS + 3) == ((50, 53),)
    assert fit(costs, [(50, 53)], definitions, 2 * ELISION_TOKENS + 20) == ((40, 60),)
    (head, (first, last)) = fit(costs, [(50, 53)], definitions, 2 * ELISION_TOKENS + 34)
    assert head[0] == 0
    assert (first, last) == (39, 61)


def test_where_the_focus_does_not_fit_its_core_does() -> None:
    assert fit(Costs([1.0] * 100), [(40, 60)], [], 2 * ELISION_TOKENS + 3, core=[50]) == ((49, 52),)
    assert fit(Costs([1.0] * 100), [(40, 60)], [], 2 * ELISION_TOKENS + 3) == ((40, 43),)


def test_without_a_focus_whole_definitions_from_the_top() -> None:
    definitions = [definition(0, 10), definition(12, 30), definition(31, 60)]
    assert fit(Costs([1.0] * 100), [], definitions, ELISION_TOKENS + 40) == ((0, 30),)


CLAIMS = st.lists(
    st.builds(Claim, st.integers(0, 3000), st.integers(1, 10), st.sampled_from(["map", "file", "file", "volatile"])),
    max_size=8,
)


@given(claims=CLAIMS, budget=st.integers(0, 5000))
def test_shares_stay_within_the_budget_and_the_wants(claims: list[Claim], budget: int) -> None:
    granted = share(claims, budget)
    assert sum(granted) <= budget
    for claim, tokens in zip(claims, granted, strict=True):
        assert tokens <= claim.tokens
        assert tokens in {claim.tokens, 0} or tokens >= LEAST_TOKENS


@given(claims=CLAIMS)
def test_all_get_what_they_want_where_there_is_room(claims: list[Claim]) -> None:
    granted = share(claims, 100_000)
    assert granted == [claim.tokens for claim in claims]


def test_heavier_pieces_get_more_and_the_map_never_more_than_its_share() -> None:
    claims = [Claim(5000, 3, "map"), Claim(5000, 9, "file"), Claim(5000, 3, "file"), Claim(100, 8, "volatile")]
    granted = share(claims, 4000)
    assert granted[0] == int(4000 * MAP_SHARE)
    assert granted[1] == 3 * granted[2]
    assert granted[3] == 100


def test_a_long_diff_takes_no_more_than_a_step_from_the_files() -> None:
    granted = share([Claim(5000, 6, "file"), Claim(9000, 3, "volatile")], 4000)
    assert granted == [3500, 500]
    assert share([Claim(100, 6, "file"), Claim(9000, 3, "volatile")], 4000) == [100, 3900]


def test_one_more_error_leaves_the_files_share_alone() -> None:
    files = [Claim(5000, 9, "file"), Claim(2000, 6, "file")]
    few, more = share([*files, Claim(60, 8, "volatile")], 4000), share([*files, Claim(160, 8, "volatile")], 4000)
    assert few[:2] == more[:2]
