"""`python -m aid.codegen [--check]`: write what follows from `aid/protocol.py`, or say what of it is out of date."""

import sys
from pathlib import Path

from aid.codegen import elisp, lua, markdown, schema, typescript, vimdoc, vscode

ROOT = Path(__file__).parents[2]


def wanted(root: Path) -> dict[str, str]:
    """Each file's path in the checkout and its text as it should be."""
    found = {target.PATH: target.text() for target in (typescript, lua, elisp, schema, markdown)}
    if (root / vimdoc.README).exists():
        found |= {vimdoc.README: vimdoc.readme(root), vimdoc.PATH: vimdoc.text(root)}
    package = vscode.text(root)
    return found if package is None else found | {vscode.PATH: package}


def main(arguments: list[str], root: Path = ROOT) -> int:
    """Exit status 1 with `--check` when a file is out of date, 2 for wrong usage."""
    if arguments not in ([], ["--check"]):
        print("usage: python -m aid.codegen [--check]", file=sys.stderr)
        return 2
    stale = [(root / path, text) for path, text in wanted(root).items() if _content(root / path) != text]
    for path, text in stale:
        if arguments:
            print(f"{path.relative_to(root)} is out of date: run 'python -m aid.codegen'", file=sys.stderr)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            print(path.relative_to(root))
    return int(bool(arguments and stale))


def _content(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
