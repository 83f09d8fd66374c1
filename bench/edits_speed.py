"""CPU time from a reply to a plan with its diff: parse + place + diff of a 100-line edit over 5 files of 1,000 lines.

    python bench/edits_speed.py

Beside it Python's difflib makes the unified diff of the same files before and after, nothing else. Both are run in
turn in one process; medians, and their ratio. The limit is 10 ms.
"""

import difflib
import statistics
import time

from aid.edits import Document, Format, parse, plan, render
from ces.change import FileChange

FORMATS: list[Format] = ["search-replace", "udiff", "apply-patch", "whole", "line-range"]
LIMIT_MS = 10.0
ROUNDS = 31


def changed_files() -> list[FileChange]:
    """Five files of 1,000 lines of code that repeats itself as code does; 20 lines of each change, in four places."""
    changes = []
    for number in range(5):
        lines = []
        for at in range(100):
            lines += [
                f"let step_{number}_{at} state input =",
                "  match input with",
                "  | None -> state",
                f"  | Some value when value > {at} ->",
                f"    let total = state.total + value * {at} in",
                "    { state with total }",
                "  | Some _ ->",
                "    state",
                "",
                "",
            ]
        after = list(lines)
        for start in (104, 304, 604, 904):
            after[start : start + 5] = [f"    (* changed {number} {at} *) failwith step" for at in range(5)]
        before_text, after_text = ("\n".join(side) + "\n" for side in (lines, after))
        changes.append(FileChange(path=f"lib/step{number}.ml", before=before_text.encode(), after=after_text.encode()))
    return changes


def cpu_ms(work: object, *arguments: object) -> float:
    assert callable(work)
    started = time.process_time()
    work(*arguments)
    return (time.process_time() - started) * 1000


def through_difflib(texts: list[tuple[list[str], list[str]]]) -> None:
    for before, after in texts:
        list(difflib.unified_diff(before, after, "a", "b"))


def main() -> None:
    changes = changed_files()
    documents = {change.path: Document(path=change.path, content=change.before or b"") for change in changes}
    texts = [
        (
            (change.before or b"").decode().splitlines(keepends=True),
            (change.after or b"").decode().splitlines(keepends=True),
        )
        for change in changes
    ]
    replies = {format: render(changes, format) for format in FORMATS}
    for format, reply in replies.items():
        assert plan(parse(reply, format), documents.get).changes == tuple(changes), format
    ours: dict[Format, list[float]] = {format: [] for format in FORMATS}
    theirs: list[float] = []
    for _ in range(ROUNDS):
        for format, reply in replies.items():
            ours[format].append(cpu_ms(lambda reply=reply, format=format: plan(parse(reply, format), documents.get)))
        theirs.append(cpu_ms(through_difflib, texts))
    peer = statistics.median(theirs)
    print(f"difflib's diff of the same files alone: {peer:.1f} ms of CPU")
    for format in FORMATS:
        median = statistics.median(ours[format])
        verdict = "within" if median <= LIMIT_MS else "OVER"
        faster = f"{peer / median:.1f}x faster"
        print(f"{format:15} parse + place + diff: {median:5.1f} ms ({verdict} the {LIMIT_MS:.0f} ms), {faster}")


if __name__ == "__main__":
    main()
