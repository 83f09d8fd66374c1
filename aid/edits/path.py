"""Which paths an edit may name: relative, inside the workspace, never a version control system's own.

Text in, text or a reason out. Symlinks are `aid.apply`'s to refuse: nothing here looks at a disk.
"""

import re
import unicodedata

MAX_COMPONENT_BYTES = 255  # NAME_MAX, limits.h
MAX_PATH_BYTES = 4095  # PATH_MAX less its NUL

_VCS = frozenset({".git", ".hg", ".svn", ".jj", ".bzr", "_darcs", "cvs", "git~1", "hg~1"})
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")
_DRIVE = re.compile(r"[A-Za-z]:")


def check_path(path: str) -> str | None:
    """Why `path` may not be edited, None when it may.

    Wanted is a workspace-relative path with `/`, as `clean_path` gives it. Version control directories are refused
    however a file system may fold them: case, trailing dots and blanks, invisible characters, 8.3 names.
    """
    if not path:
        return "the path is empty"
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in path):
        return "the path has control characters"
    if path.startswith("/") or _DRIVE.match(path):
        return "the path is absolute: name files relative to the workspace"
    if "\\" in path:
        return "the path has a backslash: separate folders by '/'"
    if len(path.encode()) > MAX_PATH_BYTES:
        return "the path is too long"
    for component in path.split("/"):
        reason = _check_component(component)
        if reason is not None:
            return reason
    return None


def _check_component(component: str) -> str | None:
    if component == "..":
        return "the path leaves the workspace ('..')"
    if component in ("", "."):
        return "the path has an empty component"
    if len(component.encode()) > MAX_COMPONENT_BYTES:
        return "the path has a component longer than 255 bytes"
    if component != component.strip():
        return "the path has a component that begins or ends with a blank"
    visible = "".join(char for char in component if unicodedata.category(char) != "Cf")
    folded = unicodedata.normalize("NFKC", visible).casefold().rstrip(". ").partition(":")[0]
    if folded in _VCS:
        return f"{component!r} belongs to the version control system"
    if _DEVICES.fullmatch(folded):
        return f"{component!r} is a reserved name"
    return None


def clean_path(path: str) -> str:
    """`path` as models write it, made plain: quotes and backticks off, backslashes turned, `./` and `//` dropped.

    Says nothing of whether the result may be edited.
    """
    plain = path.strip()
    for quote in ("`", '"', "'"):
        if len(plain) > 2 and plain.startswith(quote) and plain.endswith(quote):
            plain = plain[1:-1].strip()
    plain = plain.replace("\\", "/")
    absolute = plain.startswith("/")
    kept = [part for part in plain.split("/") if part not in ("", ".")]
    return ("/" if absolute else "") + "/".join(kept)
