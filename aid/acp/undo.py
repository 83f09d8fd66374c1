"""Taking back what a session wrote. It is the daemon's to do, and to do in the editor what went through it."""

import msgspec

from aid.acp.documents import Documents
from aid.errors import AidError, Refusal
from aid.protocol import OutcomeResult, UndoParams


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """`applied`: what the daemon undoes it by; `paths`: the files that it changed."""

    applied: str
    paths: tuple[str, ...]


async def undo(written: list[Written], documents: Documents) -> str:
    """Take back the last of `written`; where this session wrote nothing, the last that was applied in the workspace.

    Says what was done. Lines edited since stay as they are, or it raises AidError and changes nothing.
    """
    last, through = written[-1] if written else None, documents.editor.fs.write_text_file
    for path in last.paths if last else ():
        await documents.show(path, held=through)
    params = UndoParams(workspace=str(documents.root), id=last.applied if last else None, through_editor=through)
    done: OutcomeResult = await documents.link.call("aid/undo", params)
    if done.refused:
        raise AidError("; ".join(str(Refusal(each.path, each.reason, each.near)) for each in done.refused))
    del written[-1:]
    return f"Undone {done.applied}: {', '.join(file.path for file in done.files)}"
