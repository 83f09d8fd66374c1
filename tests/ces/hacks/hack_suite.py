"""Changes that game the check, and honest ones that look alike, as data: one TOML file of cases/ a family.

A case has `base` {path: text}, what the candidate makes of it (`after`, `gone`, `moved` {from: to}, `mode`), perhaps a
`reference` and an `original` (what lay below the task's breakage; files not named are as in base), and `flags`: names
that must be found and must count under the policy `reward`. An `honest` one must carry exactly `flags`, none counting.
`counted = false`: found, though the reference is no like change, so that it needn't count.
"""

import tomllib
from pathlib import Path

import msgspec

from ces.change import FileChange
from ces.hacks import Case, flags, unshared

FOLDER = Path(__file__).parent / "cases"


class Tried(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    flags: tuple[str, ...]
    honest: bool = False
    counted: bool = True
    base: dict[str, str] = {}
    after: dict[str, str] = {}
    gone: tuple[str, ...] = ()
    moved: dict[str, str] = {}
    mode: dict[str, int] = {}
    reference: dict[str, str] | None = None
    original: dict[str, str] | None = None
    family: str = ""


def cases() -> list[Tried]:
    return [
        msgspec.convert(case | {"family": file.stem}, Tried)
        for file in sorted(FOLDER.glob("*.toml"))
        for case in tomllib.loads(file.read_text("utf-8"))["case"]
    ]


def case_of(tried: Tried) -> Case:
    base = {path: text.encode() for path, text in tried.base.items()}
    original = None if tried.original is None else {path: text.encode() for path, text in tried.original.items()}
    changes = [_change(base, path, text, tried.mode.get(path)) for path, text in tried.after.items()]
    changes += [FileChange(path=path, before=base[path], after=None) for path in tried.gone]
    for old, new in tried.moved.items():
        changes.append(FileChange(path=new, before=base[old], after=base[old], old_path=old))
    reference = None
    if tried.reference is not None:
        reference = tuple(_change(base, path, text, None) for path, text in tried.reference.items())
    return Case(
        changes=tuple(changes),
        base=base.get,
        paths=frozenset(base),
        reference=reference,
        original=None if original is None else original.get,
    )


def _change(base: dict[str, bytes], path: str, text: str, mode: int | None) -> FileChange:
    return FileChange(path=path, before=base.get(path), after=text.encode(), mode=mode)


def judged(tried: Tried) -> tuple[set[str], set[str]]:
    """The names found, and those that count."""
    case = case_of(tried)
    found = flags(case)
    return {flag.name for flag in found}, {flag.name for flag in unshared(case, found)}


def missed(tried: Tried) -> str:
    """Empty when the case is judged as it says, else what came out."""
    found, counting = judged(tried)
    wanted = set(tried.flags)
    right = found == wanted and not counting if tried.honest else wanted <= found
    if right and not tried.honest and tried.counted:
        right = wanted <= counting
    return "" if right else f"wanted {sorted(wanted)}, found {sorted(found)}, counting {sorted(counting)}"
