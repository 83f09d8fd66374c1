"""How real edits come out when written with the faults models make, beside aider's own applier on the same input.

    python bench/edits_faults.py [--every N] [--without-aider] [--fixtures DIR]

Needs the shared fixtures (AID_SHARED_FIXTURES or ../shared/fixtures/edits). aider 0.86.2 is installed once, in a
virtual environment of its own under the user's cache, and run there as a process of its own; it has no line ranges. A
case is right when all files come out byte for byte, refused when anything of the reply is, else wrong. For aider,
refused is whatever it raises on; unified diffs it reads in fences only, so those get one for it.
"""

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
import venv
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from _edits_faulty import HARDER, HUNK_FAULTS, Case, cases

from aid.edits import Document, parse, plan

AIDER = "aider-chat==0.86.2"
AIDER_FORMATS = {"search-replace": "diff", "udiff": "udiff", "apply-patch": "patch", "whole": "whole"}
AIDER_SIDE = r"""
import contextlib, io, json, os, sys, tempfile
from pathlib import Path
os.environ["AIDER_ANALYTICS"] = "false"
from aider.coders import Coder
from aider.io import InputOutput
from aider.models import Model

model = Model("gpt-4o")
root = tempfile.mkdtemp(prefix="aid")
os.chdir(root)
for number, line in enumerate(sys.stdin):
    case = json.loads(line)
    folder = Path(root) / str(number)
    for path, text in case["before"].items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8", newline="")
    os.chdir(folder)
    outcome = "refused"
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            talk = InputOutput(pretty=False, yes=True, fancy_input=False)
            coder = Coder.create(main_model=model, edit_format=case["format"], io=talk, use_git=False, map_tokens=0,
                                 fnames=[str(folder / path) for path in case["before"]], stream=False, auto_lint=False)
            coder.root = str(folder)
            coder.partial_response_content = case["reply"]
            edits = coder.get_edits()
            if edits:
                edits = coder.apply_edits_dry_run(edits)
                coder.apply_edits(edits)
                outcome = "exact"
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
    there = [path for path in case["after"] if (folder / path).is_file()]
    files = {path: (folder / path).read_bytes().decode("utf-8", "replace") for path in there}
    if outcome == "exact" and files != case["after"]:
        outcome = "wrong"
    print("outcome " + outcome, flush=True)
"""


def fixtures(folder: str | None) -> list[dict[str, object]]:
    root = Path(__file__).parents[1]
    place = Path(folder or os.environ.get("AID_SHARED_FIXTURES") or root.parent / "shared" / "fixtures" / "edits")
    file = place / "real_pull_requests.jsonl.gz"
    if not file.is_file():
        sys.exit(f"{file} is missing: set AID_SHARED_FIXTURES to the folder of the shared fixtures")
    return [json.loads(line) for line in gzip.decompress(file.read_bytes()).decode().splitlines()]


def ours(case: Case) -> str:
    documents = {path: Document(path=path, content=text.encode()) for path, text in case.before.items()}
    planned = plan(parse(case.reply, case.format), documents.get)  # type: ignore[arg-type]
    if planned.rejected:
        return "refused"
    files = case.before | {change.path: (change.after or b"").decode() for change in planned.changes}
    return "exact" if files == case.after else "wrong"


def aider_python() -> Path:
    """The interpreter of aider's own environment, made when missing."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "aid-dev" / "aider-0.86.2"
    python = folder / "bin" / "python"
    if not (folder / "bin" / "aider").is_file():
        print(f"installing {AIDER} in {folder} (minutes, once)", file=sys.stderr)
        venv.create(folder, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", AIDER], check=True)
    return python


def theirs(wanted: Sequence[Case]) -> list[str]:
    """aider's outcome for each case, in order."""
    lines = "".join(json.dumps(_for_aider(case)) + "\n" for case in wanted)
    with tempfile.TemporaryDirectory(prefix="aid") as home:
        environment = {**os.environ, "HOME": home, "AIDER_ANALYTICS": "false", "OPENAI_API_KEY": "none"}
        done = subprocess.run(
            [str(aider_python()), "-c", AIDER_SIDE],
            input=lines,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return [line.split()[1] for line in done.stdout.splitlines() if line.startswith("outcome ")]


def _for_aider(case: Case) -> dict[str, object]:
    bare = case.format == "udiff" and "```" not in case.reply
    reply = f"```diff\n{case.reply}```\n" if bare else case.reply
    return {"format": AIDER_FORMATS[case.format], "reply": reply, "before": case.before, "after": case.after}


def table(results: dict[tuple[str, str], Counter[str]], peer: dict[tuple[str, str], Counter[str]]) -> None:
    print(f"{'fault':32}{'format':16}{'n':>5}{'right':>8}{'refused':>9}{'wrong':>7}   aider: right  wrong")
    for (fault, format), seen in results.items():
        line = f"{fault:32}{format:16}{seen.total():5}{_share(seen, 'exact'):>8}{seen['refused']:9}{seen['wrong']:7}"
        other = peer.get((fault, format))
        print(line + (f"   {_share(other, 'exact'):>12}{other['wrong']:7}" if other else "   "))
    for name, chosen in (
        ("aid", results),
        ("aid where aider has the format", {key: results[key] for key in peer}),
        ("aider", peer),
    ):
        for kind, harder in (("the usual faults", False), ("harder ones", True)):
            seen = sum((own for (fault, _), own in chosen.items() if (fault in HARDER) is harder), Counter())
            if seen:
                share = f"{_share(seen, 'exact')} right, {seen['refused']} refused"
                print(f"{name}, {kind}: {share}, {seen['wrong']} ({_share(seen, 'wrong')}) wrong of {seen.total()}")


def _share(seen: Counter[str], kind: str) -> str:
    return f"{100 * seen[kind] / seen.total():.1f} %"


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    options.add_argument("--every", type=int, default=1, help="take every Nth change only")
    options.add_argument("--without-aider", action="store_true")
    options.add_argument("--fixtures")
    chosen = options.parse_args()
    wanted = [case for change in fixtures(chosen.fixtures)[:: chosen.every] for case in cases(change)]
    wanted.sort(key=lambda case: list(HUNK_FAULTS).index(case.fault))
    results: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for case in wanted:
        results[case.fault, case.format][ours(case)] += 1
    peer: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    if not chosen.without_aider:
        comparable = [case for case in wanted if case.format in AIDER_FORMATS]
        for case, outcome in zip(comparable, theirs(comparable), strict=True):
            peer[case.fault, case.format][outcome] += 1
    table(results, peer)


if __name__ == "__main__":
    main()
