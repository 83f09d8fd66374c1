from ces.builds.stages import ORDER
from ces.change import FileChange
from ces.compare import Comparison, compare
from ces.verdict import BuildStatus, Diagnostic, Range, Stage


def error(line: int, message: str = "unbound value x", file: str | None = "a.ml") -> Diagnostic:
    place = Range(line, 4, line, 5) if file else None
    return Diagnostic(file=file, range=place, severity="error", message=message)


def status(*diagnostics: Diagnostic, stage: Stage = "typecheck") -> BuildStatus:
    return BuildStatus(status="red" if diagnostics else "green", stage=stage, diagnostics=diagnostics)


def check(before: BuildStatus, after: BuildStatus, *changes: tuple[str, str]) -> tuple[list[int], int, int]:
    """Changes to a.ml as (text before, text after) -> (lines of the new errors, remaining, fixed)."""
    made = [FileChange(path="a.ml", before=old.encode(), after=new.encode()) for old, new in changes]
    found: Comparison = compare(before, after, made, ORDER)
    return [item.range.start_line if item.range else -1 for item in found.new], found.remaining, found.fixed


def test_an_error_that_moved_with_its_line_is_not_new() -> None:
    assert check(status(error(1)), status(error(3)), ("a\nb\nc", "new\nnew\na\nb\nc")) == ([], 1, 0)


def test_the_same_message_on_an_inserted_line_is_new() -> None:
    assert check(status(error(1)), status(error(1), error(3)), ("a\nb\nc", "a\nb\nc\nd")) == ([3], 1, 0)


def test_the_same_message_elsewhere_does_not_hide_a_fix() -> None:
    assert check(status(error(0)), status(error(3)), ("a\nb\nc", "A\nb\nc\nd")) == ([3], 0, 1)


def test_a_replaced_line_that_still_fails_the_same_way_is_not_new() -> None:
    assert check(status(error(1)), status(error(1)), ("a\nb\nc", "a\nB\nc")) == ([], 1, 0)


def test_another_message_at_the_same_place_is_new() -> None:
    assert check(status(error(1)), status(error(1, "type int")), ("a\nb", "a\nB")) == ([1], 0, 1)


def test_line_numbers_and_durations_inside_a_message_do_not_count() -> None:
    before = error(0, "you should add the 'rec' keyword on line 1, after 0.25 s at 0x7f12")
    after = error(1, "you should add the 'rec' keyword on line 2, after 0.31 s at 0x7e99")
    assert check(status(before), status(after), ("a", "new\na")) == ([], 1, 0)


def test_a_number_that_is_part_of_what_went_wrong_counts() -> None:
    assert check(status(error(0, "expected 3, got 2")), status(error(0, "expected 3, got 4")), ("a", "b")) == (
        [0],
        0,
        1,
    )


def test_green_at_an_earlier_stage_says_nothing_of_errors_at_a_later_one() -> None:
    assert check(status(error(0), stage="test"), status(stage="typecheck"), ("a", "b")) == ([], 1, 0)


def test_green_fixes_all() -> None:
    assert check(status(error(0), error(1)), status(stage="test"), ("a\nb", "c\nd")) == ([], 0, 2)


def test_what_an_earlier_failure_hides_is_not_called_fixed() -> None:
    before = status(error(0, "test failed", None), stage="test")
    assert check(before, status(error(0, "syntax error")), ("a", "b")) == ([0], 1, 0)


def test_what_a_new_error_may_hide_in_other_files_is_not_called_fixed() -> None:
    before = status(error(0, "boom", "b.ml"), error(0, "bang"))
    assert check(before, status(error(0, "syntax error")), ("a", "b")) == ([0], 1, 1)


def test_an_error_follows_its_file_to_a_new_name() -> None:
    moved = FileChange(path="b.ml", old_path="a.ml", before=b"a\nb", after=b"a\nb")
    found = compare(status(error(1)), status(error(1, file="b.ml")), [moved], ORDER)
    assert (found.new, found.remaining, found.fixed) == ((), 1, 0)


def test_warnings_do_not_count() -> None:
    warning = Diagnostic(file="a.ml", range=None, severity="warning", message="unused")
    after = BuildStatus(status="green", stage="test", diagnostics=(warning,))
    assert check(status(), after, ("a", "b")) == ([], 0, 0)


def test_a_rewritten_large_file_is_compared_in_no_time_that_grows_with_its_square() -> None:
    old = "".join(f"old {line}\n" for line in range(20_000))
    new = "".join(f"new {line}\n" for line in range(20_000))
    assert check(status(error(5)), status(error(7)), (old, new)) == ([7], 0, 1)
