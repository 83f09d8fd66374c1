"""Taking back what a session wrote. It is the daemon's to do, and to do in the editor what went through it."""

import msgspec

from aid.acp.documents import Documents
from aid.errors import AidError, ApplyError, Cancelled, Refusal, UsageError
from aid.protocol import OutcomeResult, UndoParams


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A part of an answer. `applied`: what the daemon undoes it by; `proposal`: the answer's; `paths`: the files that
    it changed."""

    applied: str
    proposal: str
    paths: tuple[str, ...]


async def undo(written: list[Written], documents: Documents) -> str:
    """Take back the last answer of `written`; where this session wrote nothing, the one last applied in the workspace.

    Says in one line what was done, and which part of it stays and why: it does where its lines were edited since.
    Raises AidError where nothing was done.
    """
    done, stays = await (_last_of(written, documents) if written else _last_applied(documents))
    if not done:
        raise AidError("; ".join(stays))
    undone = [f"{each.applied}: {', '.join(file.path for file in each.files)}" for each in done]
    return "; ".join((f"Undone {', '.join(undone)}", *stays))


async def _last_of(written: list[Written], documents: Documents) -> tuple[list[OutcomeResult], list[str]]:
    """The latest part first; what is done is taken out of `written`, and what others took back already."""
    done, stays = [], []
    for each in [part for part in reversed(written) if part.proposal == written[-1].proposal]:
        for path in each.paths:
            await documents.show(path, held=documents.editor.fs.write_text_file)
        try:
            done.append(await _undone(documents, id=each.applied))
            written.remove(each)
        except UsageError as error:
            stays.append(str(error))
            written.remove(each)
        except Cancelled:
            raise
        except AidError as error:
            stays.append(f"{each.paths[0]} stays: {str(error).removeprefix(f'{each.paths[0]}: ')}")
    return done, stays


async def _last_applied(documents: Documents) -> tuple[list[OutcomeResult], list[str]]:
    """With all else that is there of the same proposal."""
    done = [await _undone(documents)]
    try:
        while done[0].proposal is not None:
            done.append(await _undone(documents, proposal=done[0].proposal))
    except UsageError:
        return done, []  # nothing else of it is there
    except ApplyError as error:
        return done, [f"the rest of it stays: {error}"]
    return done, []


async def _undone(documents: Documents, *, id: str | None = None, proposal: str | None = None) -> OutcomeResult:
    """Raises AidError, with nothing changed."""
    through = documents.editor.fs.write_text_file
    params = UndoParams(workspace=str(documents.root), id=id, proposal=proposal, through_editor=through)
    done: OutcomeResult = await documents.link.call("aid/undo", params)
    if done.refused:
        raise ApplyError("; ".join(str(Refusal(each.path, each.reason, each.near)) for each in done.refused))
    return done
