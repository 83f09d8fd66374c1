"""Edits other tools are tested on: every case either comes out as there, or is a named deviation with its reason.

The cases are not in the repository: AID_SHARED_FIXTURES names their folder, else it is looked for beside the checkout.
"""

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aid.edits import Document, Edit, Format, Rejected, parse, plan

ROOT = Path(__file__).parents[2]
FOLDER = Path(os.environ.get("AID_SHARED_FIXTURES") or ROOT.parent / "shared" / "fixtures" / "edits")
FORMATS: dict[str, Format] = {
    "search-replace-aider": "search-replace",
    "search-replace-roo(:start_line:)": "search-replace",
    "whole-file-aider": "whole",
    "v4a": "apply-patch",
    "udiff": "udiff",
    "git-udiff": "udiff",
}

_UNIQUE = "text found twice is refused"
_STANDALONE = "a name inside a sentence is no order to overwrite that file: examples and commands stand in fences too"
_OVERWRITE = "nothing is overwritten that the reply has not read"
_FORMAT = "not one of the five formats"
_ROO = "roo_multi_search_replace/MultiSearchReplaceDiffStrategy"
_EXACT = f"{_ROO}-validateMarkerSequencing-exact-matching"

DEVIATIONS: dict[str, str] = {
    "aider_end_to_end/test_full_edit_dry_run-4": "a dry run is `aid apply`'s; a plan never writes anyway",
    "aider_end_to_end/test_no_files_new_file_should_ask": "new files are made; the proposal is what asks",
    "aider_end_to_end/test_update_files_bogus_path_prefix": "a path means what it says, never another file alike",
    "aider_end_to_end/test_update_files_earlier_filename": _STANDALONE,
    "aider_end_to_end/test_update_files_no_filename_single_file_in_chat": _STANDALONE,
    "aider_end_to_end/test_update_named_file_but_extra_unnamed_code_block": _STANDALONE,
    "aider_replace_chunk/test_replace_multiple_matches": _UNIQUE,
    "aider_replace_chunk/test_replace_multiple_matches_missing_whitespace": _UNIQUE,
    "codex_apply_patch/010_move_overwrites_existing_destination": _OVERWRITE,
    "codex_apply_patch/011_add_overwrites_existing_file": _OVERWRITE,
    "codex_apply_patch/024_preserves_mixed_line_endings": "a lone carriage return ends no line, as in git",
    f"{_EXACT}-should-handle-mixed": "no one shift of the indentation makes the quoted lines the file's",
    f"{_EXACT}-should-find-matches": _UNIQUE,
    f"{_ROO}-fuzzy-matching-should-match-content-with-small-differences-": "a line that goes must stand there",
    f"{_ROO}-trailing-newline-preservation-should-handle-content-with-li": "a blank first line is kept as written",
    "whatthepatch_apply/diff-context.diff": _FORMAT,
    "whatthepatch_apply/diff-default.diff": _FORMAT,
    "whatthepatch_apply/diff-ed.diff": _FORMAT,
    "whatthepatch_apply/diff-rcs.diff": _FORMAT,
    "whatthepatch_apply/diff-unified-bad2.diff": "misspelt context is tolerated where one place alone fits it",
    "whatthepatch_apply/diff-unified-bad2.diff@tzu": "what is applied already is recognised, and changes nothing",
}


def _cases() -> Iterator[Any]:
    for file in sorted(FOLDER.glob("*.jsonl*")):
        if file.name.startswith("real_pull_requests"):
            continue
        raw = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        for line in raw.decode().splitlines():
            case = json.loads(line)
            yield pytest.param(case, id=f"{case['source']}-{case['id']}")


def _files(case: Any) -> dict[str, str]:
    return dict(case["before"] or {})


def result(case: Any) -> tuple[dict[str, str] | None, str]:
    """The files afterwards, None when refused, and why."""
    files = _files(case)
    format = FORMATS.get(case["format"], "udiff")
    edits = parse(case["edit"], format, paths=files)
    if set(files) == {"file"}:  # the case's reply names another file, or none
        edits = [_renamed(edit) for edit in edits]
    read = {path: Document(path=path, content=text.encode()) for path, text in files.items()}.get
    planned = plan(edits, read)
    if planned.rejected:
        return None, "; ".join(rejected.reason for rejected in planned.rejected)
    for change in planned.changes:
        files.pop(change.old_path or change.path, None)
        if change.after is not None:
            files[change.path] = change.after.decode()
    return files, ""


def _renamed(edit: Edit | Rejected) -> Edit | Rejected:
    return msgspec.structs.replace(edit, path="file") if isinstance(edit, Edit) else edit


def matches(case: Any) -> str:
    """Empty when the case comes out as it says, else what came out."""
    if case["before"] is None:
        found = [
            [edit.path, "".join(line + "\n" for line in edit.old), "".join(line + "\n" for line in edit.new)]
            for edit in parse(case["edit"], "search-replace")
            if isinstance(edit, Edit)
        ]
        refused = any(isinstance(edit, Rejected) for edit in parse(case["edit"], "search-replace"))
        if case["error"] is not None:
            return "" if refused else f"parsed: {found}"
        return "" if found == case["blocks"] and not refused else f"parsed: {found}, refused: {refused}"
    files, why = result(case)
    if case["error"] is not None:
        return "" if files is None else f"applied: {files}"
    if files is None:
        return f"refused: {why}"
    return "" if files == case["after"] else f"came out as {files}"


@pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"the shared fixtures are not at {FOLDER}: a developer's checkout has them"
)
@pytest.mark.parametrize("case", list(_cases()))
def test_comes_out_as_in_the_other_tool(case: Any) -> None:
    name = f"{case['source']}/{case['id']}"
    found = matches(case)
    if name in DEVIATIONS:
        assert found, f"no longer deviates: {DEVIATIONS[name]}"
    else:
        assert found == ""
