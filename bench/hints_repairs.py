"""How many real breakages the compiler's hints mend alone.

For each case of tests/hints/breakages/LANGUAGE.toml: break one place of the workspace beside it, run its real build,
give what it says and the sources to the `hints` back end, and judge its first candidates by the real build again. A
proposal is wrong when the build stays red. Prints one line a case and the sums; `--json` prints them as one object.

    .venv/bin/python bench/hints_repairs.py [--only ocaml] [--kind WORD] [--quick] [--verbose] [--json]
"""

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from aid import edits
from aid.config import HintsModel
from aid.edits.edit import Document
from aid.models.backend import Prompt, SourceText
from aid.models.hints import HintsBackend
from ces import builds
from ces.builds.adapter import BuildSettings
from ces.builds.reading import Sources
from ces.verdict import Diagnostic

BREAKAGES = Path(__file__).parents[1] / "tests" / "hints" / "breakages"
CANDIDATES = 4
"""As many as `[verify] candidates` tries by default."""

TEXT = {".ml", ".mli", ".py", ".rs", ".ts", ".toml", ".json"}


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`old` becomes `new` in `file`. `green_at`: the candidate expected to turn the build green, 0: none does.

    `quick`: among those that the tests run.
    """

    kind: str
    file: str
    old: str
    new: str
    green_at: int | None = None
    quick: bool = False


class Result(msgspec.Struct, frozen=True):
    """`restored`: the green candidate gave back the very text from before the breakage."""

    case: Case
    green_at: int
    wrong: int
    restored: bool
    said: str
    replies: tuple[str, ...]


class Red(msgspec.Struct, frozen=True):
    diagnostics: tuple[Diagnostic, ...]


def cases(language: str) -> list[Case]:
    listed = tomllib.loads((BREAKAGES / f"{language}.toml").read_text("utf-8"))
    return msgspec.convert(listed["case"], list[Case])


def build(root: Path) -> Red | None:
    """None: the whole build is green."""
    settings = BuildSettings()
    adapter = builds.find(root, settings)
    assert adapter is not None, f"no build system knows {root}"
    for step in adapter.steps(root, settings):
        done = subprocess.run(
            step.argv,
            check=False,
            cwd=root,
            env=os.environ | step.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if done.returncode not in step.passes:
            output = done.stdout.decode("utf-8", "replace")
            return Red(tuple(adapter.diagnostics(Sources(root), step, output, done.returncode)))
    return None


def missing_tools(language: str) -> list[str]:
    root = BREAKAGES / language
    adapter = builds.find(root, BuildSettings())
    return list(adapter.missing_tools(root, BuildSettings())) if adapter else [f"{language}: no build system"]


def sources(root: Path) -> tuple[SourceText, ...]:
    skipped = {"_build", "target", "node_modules", "__pycache__"}
    files = [path for path in sorted(root.rglob("*")) if not skipped & set(path.relative_to(root).parts)]
    return tuple(
        SourceText(path=path.relative_to(root).as_posix(), text=path.read_text("utf-8"))
        for path in files
        if path.is_file() and (path.suffix in TEXT or path.name == "dune")
    )


def reply(prompt: Prompt) -> str:
    async def read() -> str:
        backend = HintsBackend("hints", HintsModel())
        return "".join([chunk.text async for chunk in backend.stream(prompt)])

    return asyncio.run(read())


def apply(root: Path, text: str) -> dict[str, bytes]:
    """Write a reply's edits as AID would; what the files held before."""

    def document(path: str) -> Document | None:
        return Document(path=path, content=(root / path).read_bytes()) if (root / path).is_file() else None

    plan = edits.plan(edits.parse(text, "search-replace"), document)
    assert not plan.rejected, plan.rejected
    before = {change.path: (root / change.path).read_bytes() for change in plan.changes}
    for change in plan.changes:
        assert change.after is not None
        (root / change.path).write_bytes(change.after)
    return before


def attempt(root: Path, case: Case) -> Result:
    """Break, ask, judge, and put everything back."""
    path = root / case.file
    good = path.read_text("utf-8")
    assert good.count(case.old) == 1, f"{case.kind}: {case.old!r} stands {good.count(case.old)} times in {case.file}"
    path.write_text(good.replace(case.old, case.new), "utf-8")
    try:
        red = build(root)
        assert red is not None, f"{case.kind}: the build stays green"
        return _judged(root, case, red, good)
    finally:
        path.write_text(good, "utf-8")


def _judged(root: Path, case: Case, red: Red, good: str) -> Result:
    said = " | ".join(" ".join(each.message.split()) for each in red.diagnostics if each.severity == "error")
    texts = sources(root)
    replies: list[str] = []
    for n in range(CANDIDATES):
        text = reply(Prompt(messages=(), format="search-replace", sources=texts, diagnostics=red.diagnostics, seed=n))
        if not text:
            break
        replies.append(text)
        before = apply(root, text)
        try:
            if build(root) is None:
                restored = (root / case.file).read_text("utf-8") == good
                return Result(case, n + 1, n, restored, said, tuple(replies))
        finally:
            for name, content in before.items():
                (root / name).write_bytes(content)
    return Result(case, 0, len(replies), False, said, tuple(replies))


def results(language: str, kind: str = "", *, quick: bool = False) -> Iterator[Result]:
    """Runs in a copy of the language's workspace; its build must be green to begin with."""
    with tempfile.TemporaryDirectory(prefix="aid-hints") as name:
        root = Path(name) / language
        shutil.copytree(BREAKAGES / language, root)
        red = build(root)
        assert red is None, f"{language}: the workspace itself is red: {red}"
        for case in cases(language):
            if kind in case.kind and (case.quick or not quick):
                yield attempt(root, case)


def table(language: str, found: list[Result], verbose: bool) -> str:
    lines = [f"{language:12} {'green at':>8} {'wrong':>5}  breakage"]
    for each in found:
        mark = str(each.green_at) if each.green_at else "-"
        note = "" if each.restored or not each.green_at else "  (green, not the text from before)"
        lines.append(f"{'':12} {mark:>8} {each.wrong:>5}  {each.case.kind}{note}")
        if verbose:
            lines.append(f"    said: {each.said[:600]}")
            lines += [f"    {line}" for text in each.replies for line in text.split("\n")]
    return "\n".join([*lines, f"{'':12} {summary(found)}", ""])


def summary(found: list[Result]) -> str:
    green = [each for each in found if each.green_at]
    first = sum(each.green_at == 1 for each in found)
    tried = sum(len(each.replies) for each in found)
    wrong = sum(each.wrong for each in found)
    silent = sum(not each.replies for each in found)
    restored = sum(each.restored for each in found)
    return (
        f"{len(green)} of {len(found)} green ({first} by the first candidate, {restored} exactly as before), "
        f"{wrong} of {tried} proposals wrong, {silent} without any"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--only", choices=sorted(path.stem for path in BREAKAGES.glob("*.toml")))
    parser.add_argument("--kind", default="", help="only the cases with this in their name")
    parser.add_argument("--quick", action="store_true", help="only the cases the tests run")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    languages = [asked.only] if asked.only else sorted(path.stem for path in BREAKAGES.glob("*.toml"))
    everything: dict[str, list[Result]] = {}
    for language in languages:
        missing = missing_tools(language)
        if missing:
            print(f"{language}: not run, {'; '.join(missing)}", file=sys.stderr)
            continue
        everything[language] = list(results(language, asked.kind, quick=asked.quick))
        if not asked.json:
            print(table(language, everything[language], asked.verbose), flush=True)
    if asked.json:
        print(json.dumps({name: [msgspec.to_builtins(each) for each in found] for name, found in everything.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
