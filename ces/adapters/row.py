"""What an adapter needs to know of a task, whatever the data set calls the rest.

A `ces.tasks` task is one, as JSON in a column named `task` or spread over columns of these names.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ces.errors import CesError
from ces.request import CheckRequest, Policy
from ces.tasks import task as task_file
from ces.verdict import Diagnostic, Stage

TASK_COLUMN = "task"
_OTHER_NAMES = {"reference": "gold"}


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One task. Fields mean what they mean in `CheckRequest`; `gold` is its `reference`.

    `prompt`, `files`, `diagnostics`, `project`, `kind` are for those who ask a model: what a person would say, the
    files that `onto` touches, what the build says of the broken state.
    """

    workspace: str
    id: str = ""
    project: str = ""
    kind: str = ""
    rev: str | None = None
    onto: str = ""
    gold: str | None = None
    prompt: str = ""
    files: tuple[str, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    upto: Stage = "test"
    hidden: dict[str, str] = {}

    def request(self, diff: str, policy: Policy, timeout_s: float) -> CheckRequest:
        return CheckRequest(
            diff=diff,
            workspace=self.workspace,
            rev=self.rev,
            onto=self.onto,
            upto=self.upto,
            policy=policy,
            reference=self.gold,
            hidden=self.hidden,
            timeout_s=timeout_s,
        )


def row(values: Mapping[str, Any], defaults: Mapping[str, Any] | None = None) -> Row:
    """The task in one row of a data set. Raises CesError where it has none.

    `values` may be anything that a column store makes of it: an absent text is None, and a mapping has every key that
    any row has (Arrow's structs do), with None where this row hasn't. What `values` lacks is taken from `defaults`.
    """
    found = dict(defaults or {})
    for source in (values, _task(values.get(TASK_COLUMN))):
        for name, value in source.items():
            field = _OTHER_NAMES.get(name, name)
            if field in Row.__struct_fields__ and value is not None:
                found[field] = value.tolist() if hasattr(value, "tolist") else value  # pandas gives lists as arrays
    if isinstance(found.get("hidden"), Mapping):
        found["hidden"] = {path: text for path, text in found["hidden"].items() if text is not None}
    if not isinstance(found.get("prompt", ""), str):
        del found["prompt"]  # chat messages: the library's, not the task's
    try:
        return msgspec.convert(found, Row)
    except msgspec.ValidationError as error:
        names = ", ".join(sorted(values))
        raise CesError(f"a row with the columns {names} is no task: {error}") from error


def _task(value: Any) -> Mapping[str, Any]:
    """What the column of whole tasks has: a mapping, one as JSON, or nothing."""
    try:
        task = msgspec.json.decode(value) if isinstance(value, str) and value else value or {}
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise CesError(f"the column {TASK_COLUMN} holds no task as JSON: {error}") from error
    if not isinstance(task, Mapping):
        raise CesError(
            f"the column {TASK_COLUMN} holds no task but a {type(task).__name__}: give an object, or its JSON"
        )
    return task


def rows(columns: Mapping[str, Any], count: int, defaults: Mapping[str, Any] | None = None) -> list[Row]:
    """The tasks of a batch: each column a sequence of `count` values. What is no such sequence is not a column."""
    known = {
        name: values
        for name, values in columns.items()
        if isinstance(values, Sequence) and not isinstance(values, str) and len(values) == count
    }
    return [row({name: values[index] for name, values in known.items()}, defaults) for index in range(count)]


def read(path: Path) -> list[Row]:
    """The tasks of a `ces.tasks` file, in order. Raises CesError where it can't be read, or a line of it is none."""
    tasks, bad = task_file.read(path)
    if bad:
        raise CesError(f"{path}:{bad[0].number}: {bad[0].reason}")
    return [msgspec.convert(task, Row, from_attributes=True) for task in tasks]
