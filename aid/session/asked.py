"""What a request asks, in words: the daemon's own where the person only points at a place. Pure."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from aid.context.sources.errors import pick
from aid.errors import UsageError
from aid.protocol import FileRef, PromptParams
from aid.root import inside
from ces.verdict import Diagnostic

MOST_ERRORS = 10


def worded(params: PromptParams, diagnostics: Sequence[Diagnostic], root: Path) -> PromptParams:
    """`params` with `fix` and `edit` said in the prompt, and shown as files.

    Raises UsageError where there is nothing to say: the build has no error there, and the person sent no words.
    """
    pointed = [ref for ref in (params.fix, params.edit) if ref is not None]
    said = [params.prompt.strip()] if params.prompt.strip() else []
    if params.fix is not None:
        said.insert(0, _fix(params, params.fix, diagnostics, root))
    if params.edit is not None:
        said.append(f"Change only {place(params.edit, root)}, and nothing else.")
    files = tuple(dict.fromkeys((*params.files, *pointed)))
    return msgspec.structs.replace(params, prompt="\n".join(said), files=files) if pointed else params


def attached(params: PromptParams, root: Path) -> tuple[str, ...]:
    """What came with the prompt, by name."""
    return (*(place(ref, root) for ref in params.files), *(each.title for each in params.attachments))


def place(ref: FileRef, root: Path) -> str:
    """As people write it: FILE, FILE:LINE or FILE:FIRST-LAST."""
    path = inside(root, ref.path) or ref.path
    first, last = span(ref)
    if first is None:
        return path
    return f"{path}:{first}" if first == last else f"{path}:{first}-{last}"


def span(ref: FileRef) -> tuple[int, int] | tuple[None, None]:
    """Its lines, one-based and inclusive, in order; one end alone is that line."""
    ends = [end for end in (ref.first, ref.last) if end is not None]
    return (min(ends), max(ends)) if ends else (None, None)


def _fix(params: PromptParams, ref: FileRef, diagnostics: Sequence[Diagnostic], root: Path) -> str:
    path = inside(root, ref.path)
    found = _at(ref, [each for each in pick(diagnostics) if path is not None and each.file == path])
    if found:
        told = [_line(each) for each in found[:MOST_ERRORS]]
        return (
            f"Fix the build error at {told[0]}" if len(found) == 1 else "\n- ".join(["Fix these build errors:", *told])
        )
    if params.prompt.strip() or params.attachments:
        return f"Fix the error at {place(ref, root)}."
    raise UsageError(f"the build names no error in {path or ref.path}: say in the prompt what is to be mended")


def _at(ref: FileRef, found: list[Diagnostic]) -> list[Diagnostic]:
    """Those on its lines, else the nearest of the file; all of them where no lines are named."""
    first, last = span(ref)
    if first is None or last is None or not found:
        return found
    distances = [_distance(each, first, last) for each in found]
    return [each for each, distance in zip(found, distances, strict=True) if distance == min(distances)]


def _distance(found: Diagnostic, first: int, last: int) -> int:
    """Lines between the diagnostic and the lines; one that has no range stands at the top."""
    if found.range is None:
        return first - 1
    begins = found.range.start_line + 1
    ends = max(begins, found.range.end_line + (1 if found.range.end_character else 0))
    return max(0, begins - last, first - ends)


def _line(found: Diagnostic) -> str:
    line = f":{found.range.start_line + 1}" if found.range is not None else ""
    return f"{found.file}{line}: {found.message.strip().splitlines()[0]}"
