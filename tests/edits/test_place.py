"""Where edits go, and when they are refused."""

from aid.edits import Document, Edit, Rejected, describe, parse, place, plan
from aid.edits.edit import Placed


def check(document: str, edit: Edit, expected: str) -> None:
    """`expected` is the document afterwards, or `refused near [lines]: reason`, or `same`."""
    result = place(document, edit)
    if isinstance(result, Rejected):
        assert f"refused near {list(result.near)}: {result.reason}" == expected
        return
    assert isinstance(result, Placed)
    if result.same:
        assert expected == "same"
        return
    planned = plan([edit], {"f": Document(path="f", content=document.encode())}.get)
    assert planned.changes[0].after == expected.encode()


def replace(old: str, new: str, **more: object) -> Edit:
    """Lines are parted by `|`."""
    sides = {"old": tuple(old.split("|")) if old else (), "new": tuple(new.split("|")) if new else ()}
    return Edit(op="replace", path="f", **sides, **more)  # type: ignore[arg-type]


TWICE = "quote more of the lines around the one meant"


def test_replaces_lines_found_once() -> None:
    check("a\nb\nc\n", replace("b", "B|B2"), "a\nB\nB2\nc\n")


def test_refuses_an_ambiguous_match() -> None:
    check("a\nb\na\n", replace("a", "x"), f"refused near [1, 3]: the lines to replace stand in 2 places: {TWICE}")


def test_a_right_line_number_chooses_among_places_that_read_alike() -> None:
    check("a\nb\na\n", replace("a", "x", start=3), "a\nb\nx\n")


def test_a_line_number_next_to_a_place_does_not_choose() -> None:
    expected = f"refused near [1, 3]: the lines to replace stand in 2 places: {TWICE}"
    check("a\nb\na\n", replace("a", "x", start=2), expected)


def test_text_decides_against_the_line_number() -> None:
    check("a\nb\nc\nd\ne\nf\n", replace("b", "x", start=5), "a\nx\nc\nd\ne\nf\n")


def test_refuses_when_text_and_line_number_point_at_different_places() -> None:
    document = "def f():\n    one = 1\n    return one\n\n\n\ndef g():\n    one = 1\n    # more\n    return one\n"
    reply = replace("    one = 1|    return one", "    return 1", start=8)
    result = place(document, reply)
    assert isinstance(result, Rejected) and result.near == (2, 8)


def test_a_wrong_number_makes_the_other_numbers_guesses() -> None:
    edits = [replace("a", "x", start=4), replace("z", "y", start=1)]
    planned = plan(edits, {"f": Document(path="f", content=b"a\nb\nz\na\n")}.get)
    assert [rejected.near for rejected in planned.rejected] == [(1, 4)]


def test_the_heading_of_a_hunk_chooses() -> None:
    document = "def f():\n    x\n    return 1\n\ndef g():\n    y\n    return 1\n"
    check(document, replace("    return 1", "    return 2", headings=("def g():",)), document[:-9] + "return 2\n")


def test_keeps_trailing_blanks_of_context() -> None:
    check("a  \nb\nc\t\n", replace("a|b|c", "a|B|c"), "a  \nB\nc\t\n")


def test_shifts_new_lines_with_the_block() -> None:
    check("if x:\n    a\n    b\n", replace("a|b", "a|if y:|    b"), "if x:\n    a\n    if y:\n        b\n")


def test_takes_indentation_off() -> None:
    check("a\nb\n", replace("    a|    b", "    a|    c"), "a\nc\n")


def test_turns_blanks_into_the_files_tabs() -> None:
    document = "f {\n\tif x {\n\t\ta\n\t}\n}\n"
    check(document, replace("  if x {|    a|  }", "  if x {|    b|    c|  }"), "f {\n\tif x {\n\t\tb\n\t\tc\n\t}\n}\n")


def test_refuses_an_indentation_it_can_not_tell() -> None:
    expected = (
        "refused near [2]: the file is indented differently there, and a new line's indentation can't be told from that"
    )
    check("f {\n\tif x {\n\t\ta\n\t}\n}\n", replace("  if x {|    a|  }", "  if x {|      b|  }"), expected)


def test_keeps_the_files_own_text_for_misspelt_context() -> None:
    document = "def area(width, height):\n    total = width * height\n    return total\n"
    wrong = replace(
        "def area(width, hieght):|    total = width * height|    return total",
        "def area(width, hieght):|    total = width * height * 2|    return total",
    )
    check(document, wrong, "def area(width, height):\n    total = width * height * 2\n    return total\n")


def test_keeps_a_line_of_context_that_was_left_out() -> None:
    document = "first line\nsecond line\nthird line\nfourth line\nfifth line\n"
    wrong = replace("first line|third line|fourth line|fifth line", "first line|third line|4|fifth line")
    check(document, wrong, "first line\nsecond line\nthird line\n4\nfifth line\n")


def test_refuses_when_the_line_left_out_stands_beside_the_change() -> None:
    document = "first line\nsecond line\nthird line\nfourth line\n"
    wrong = replace("first line|third line|fourth line", "first line|new|third line|fourth line")
    check(
        document,
        wrong,
        "refused near [1]: the quoted lines differ from the file's right where the change goes: quote them exactly",
    )


def test_blank_lines_that_come_along_tell_the_side_of_the_line_left_out() -> None:
    document = "def one():\n    return 1\n\ndef two():\n    return 2\n\ndef three():\n    return 3\n"
    wrong = replace("    return 1||    return 2", "    return 1||def new():|    return 0||    return 2")
    expected = document.replace("def two", "def new():\n    return 0\n\ndef two")
    check(document, wrong, expected)


def test_a_blank_line_left_out_beside_new_lines_stays_between() -> None:
    document = "one = 1\nuno = 1\n\ntwo = 2\ndue = 2\n"
    check(
        document,
        replace("one = 1|uno = 1|two = 2|due = 2", "one = 1|uno = 1|new = 0||two = 2|due = 2"),
        "one = 1\nuno = 1\n\nnew = 0\n\ntwo = 2\ndue = 2\n",
    )


def test_refuses_when_a_line_may_have_moved_past_the_one_left_out() -> None:
    """The blank line was above `length` or below it, as that is taken for a line that stays or for a new one."""
    document = (
        "class Day(Tick):\n    length = 1\n\n    def days(self):\n        return self.n\n\n    def hours(self):\n"
    )
    wrong = replace(
        "class Day(Tick):|    length = 1|    def days(self):|        return self.n",
        "class Day(Offset):|    a_doc_string_of = 1|    length = 1",
    )
    assert isinstance(place(document, wrong), Rejected)


def test_refuses_a_misspelt_line_that_is_to_go() -> None:
    document = "alpha = load()\nbeta = load(alpha)\ngamma = load(beta)\n"
    wrong = replace("alpha = load()|beta = load(alhpa)|gamma = load(beta)", "alpha = load()|gamma = load(beta)")
    result = place(document, wrong)
    assert isinstance(result, Rejected) and result.near == (1,)


def test_recognises_what_is_applied_already() -> None:
    check("def f():\n    return value\n", replace("    return valeu", "    return value"), "same")
    check("head\nimport sys, os\ntail\n", replace("head", "head|import sys, os"), "same")


def test_an_edit_that_changes_nothing_is_the_same() -> None:
    check("a\nb\n", replace("b", "b"), "same")


def test_takes_copied_line_numbers_off() -> None:
    numbered = Edit(op="replace", path="f", old=("2 | b", "3 | c"), new=("B", "c"))
    check("a\nb\nc\n", numbered, "a\nB\nc\n")


def test_keeps_carriage_returns() -> None:
    check("a\r\nb\r\nc\r\n", replace("b", "B|B2"), "a\r\nB\r\nB2\r\nc\r\n")


def test_mixed_line_ends_stay_as_they_are() -> None:
    check("a\nb\r\nc\r\nd\r\n", replace("a|b|c", "a|B|c"), "a\nB\r\nc\r\nd\r\n")


def test_a_missing_final_newline_stays_missing() -> None:
    check("a\nb", replace("b", "c|d"), "a\nc\nd")
    check("a\r\nb", replace("b", "b|c"), "a\r\nb\r\nc")


def test_a_final_newline_comes_when_asked_for() -> None:
    check("a\nb", replace("b", "b", final_newline=True), "a\nb\n")
    check("a\nb\n", replace("b", "b", final_newline=False), "a\nb")


def test_a_byte_order_mark_stays() -> None:
    check("\ufeffa\nb\n", replace("a", "A"), "\ufeffA\nb\n")


def test_an_empty_search_fills_an_empty_file_only() -> None:
    check("", replace("", "a"), "a\n")
    reason = "the edit quotes no lines of the file, so nothing says where it goes: quote the lines around it"
    expected = f"refused near []: {reason}"
    check("b\n", replace("", "a"), expected)


def test_a_refusal_quotes_the_nearest_lines() -> None:
    document = "one\ntwo\ndef area(width, height):\n    return width\n"
    refused = place(document, replace("def aera(w, h):|    retrun w", "x"))
    assert isinstance(refused, Rejected)
    assert describe(refused, document) == (
        "f: the lines to replace are not in the file: quote them exactly as they stand there.\n"
        "Lines 1-4 of the file are:\n1| one\n2| two\n3| def area(width, height):\n4|     return width"
    )


def test_a_refusal_without_a_file_says_so() -> None:
    refused = parse("nothing here")[0]
    assert isinstance(refused, Rejected)
    assert describe(refused, None) == "The reply: the reply has none of the edit formats: it holds no edit."
