"""Whether a green change ran the tests that it should have: an exit status of 0 alone is what any early exit gives.

What should have run: what passed in the base; but where something speaks for another set (`onto`, the reference or
hidden tests touch tests, the base is red, or the change runs fewer), what the reference runs. Without a reference,
programs beside tests that the request itself touches are left out then: nobody knows what they should run now.

Compared are numbers, program by program: a test that goes may come again there under another name. That a program
printed something is no test that came again. Pure.
"""

from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

import msgspec

from ces.builds.runners import PRINTED
from ces.hacks.case import Trick
from ces.verdict import Flag, Ran, Tests, Verdict

TRICK = Trick("tests-missing", "Tests that should have run did not run to their end.")
SHOWN_PROGRAMS = 20
SHOWN_TESTS = 10


class Missing(msgspec.Struct, frozen=True):
    """`count` tests of a program; `names` are those of which there are too few."""

    program: str
    count: int
    names: tuple[str, ...]


def of_a_base(ran: Ran) -> Ran:
    """What is kept of a base: the programs that told something."""
    return Ran(tests={program: tests for program, tests in ran.tests.items() if tests})


def differing(base: Tests, ran: Ran) -> Tests:
    """The programs that ran otherwise than in the base, with all their tests: what to remember of a run."""
    absent = () if ran.partial else base.keys() - ran.tests.keys()
    found = {program: tests for program, tests in ran.tests.items() if base.get(program, {}) != tests}
    return found | {program: {} for program in absent}


def total(tests: Tests) -> int:
    return sum(count for names in tests.values() for count in names.values())


def missing(expected: Tests, ran: Tests) -> tuple[Missing, ...]:
    found, ran = [], _comparable(expected, ran)
    for program, names in sorted(expected.items()):
        there = ran.get(program, {})
        fewer = tuple(name for name, count in names.items() if there.get(name, 0) < count)
        count = total({program: names}) - total({program: there})
        if count > 0:
            found.append(Missing(program, count, fewer))
    return tuple(found)


def unreferenced(base: Tests, ran: Tests, touched: Iterable[str]) -> Tests:
    """What should have run where no reference tells: what the base ran, save in or above a folder of a `touched` path.

    All of it where nothing ran: no way to touch a test makes that a proof of anything.
    """
    if not total(ran):
        return base
    folders = {str(folder) for path in touched for folder in PurePosixPath(path).parents}
    return {program: tests for program, tests in base.items() if _folder(program) not in folders}


def _folder(program: str) -> str:
    return str(PurePosixPath(program.partition(" ")[0]).parent)


def flags(lost: Sequence[Missing]) -> tuple[Flag, ...]:
    return tuple(Flag(name=TRICK.name, path=None, message=_message(one)) for one in lost[:SHOWN_PROGRAMS])


def weighed(verdict: Verdict, ran: Tests, expected: Tests, *, counts: bool) -> Verdict:
    """The verdict with the counts, and with flags for a green one that lacks tests; `counts`: it is none then."""
    run = total(_comparable(expected, ran))
    if run or total(expected):
        verdict = msgspec.structs.replace(verdict, tests_run=run, tests_expected=total(expected))
    lost = missing(expected, ran) if verdict.status == "green" else ()
    if not lost:
        return verdict
    verdict = msgspec.structs.replace(verdict, flags=verdict.flags + flags(lost))
    if not counts:
        return verdict
    count = sum(one.count for one in lost)
    reason = f"{TRICK.name}: {count} of {total(expected)} tests did not run to their end"
    return msgspec.structs.replace(verdict, status="hack", reason=reason)


def _comparable(expected: Tests, ran: Tests) -> Tests:
    return {
        program: {name: count for name, count in names.items() if name != PRINTED or name in expected.get(program, {})}
        for program, names in ran.items()
    }


def _message(one: Missing) -> str:
    shown = ", ".join(one.names[:SHOWN_TESTS])
    more = f" and {len(one.names) - SHOWN_TESTS} more" if len(one.names) > SHOWN_TESTS else ""
    return f"{one.program}: {one.count} missing: {shown}{more}"
