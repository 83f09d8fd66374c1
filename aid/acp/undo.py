"""Taking back what a session wrote: through the editor what went through it, by the daemon's journal the rest."""

import asyncio
from pathlib import Path

import msgspec

from aid import apply
from aid.acp.editor import Editor
from aid.acp.link import Link
from aid.edits.edit import Rejected
from aid.errors import AidError, Refusal
from aid.protocol import OutcomeResult, UndoParams
from ces.change import FileChange


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """One file. `applied`: the journal's id; None: the editor wrote it, `before` and `after` are what it showed."""

    path: str
    applied: str | None
    before: str = ""
    after: str = ""


async def undo(root: Path, written: list[Written], link: Link, editor: Editor) -> str:
    """Take back the last of `written`; where this session wrote nothing, the last that was applied in the workspace.

    Says what was done. Lines edited since stay as they are, or it raises AidError and changes nothing.
    """
    last = written[-1] if written else None
    if last is None or last.applied is not None:
        params = UndoParams(workspace=str(root), id=last.applied if last else None)
        done: OutcomeResult = await link.call("aid/undo", params)
        told = f"Undone {done.applied}: {', '.join(file.path for file in done.files)}"
    else:
        await _in_editor(root, last, editor)
        told = f"Undone: {last.path}"
    del written[-1:]
    return told


async def _in_editor(root: Path, last: Written, editor: Editor) -> None:
    path = root / last.path
    current = await editor.text(path)
    if current is None:
        current = await asyncio.to_thread(path.read_text, encoding="utf-8")
    back = FileChange(path=last.path, before=last.after.encode(), after=last.before.encode())
    found = apply.rebase(back, current.encode())
    if isinstance(found, Rejected):
        raise AidError(str(Refusal(found.path, found.reason, found.near)))
    why = await editor.write(path, (found.after or b"").decode())
    if why is not None:
        raise AidError(why)
