"""plugins/nvim: the settings in its README.md, and doc/aid.txt, Neovim's help, from that README.

The README is written for this: `##` is a section, `###` a command as it is typed, in backticks; then paragraphs, lists
with a line for each item, fenced code. Names of sections and commands are tags in the help.
"""

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

from aid.codegen.shape import default_json, record
from aid.protocol import EditorSettings

README = "plugins/nvim/README.md"
PATH = "plugins/nvim/doc/aid.txt"
WIDTH = 78
_SETTINGS = re.compile(r"(<!-- settings: [^>]*-->\n).*?(<!-- /settings -->)", re.S)
_BLOCK = re.compile(r"```(\w*)\n(.*?)```\n|(.+?)(?:\n\n|\n*\Z)", re.S)


def readme(root: Path) -> str:
    """The README with the settings as they are."""
    fields = record(EditorSettings).fields
    told = "".join(f"- `{each.name}`, `{_lua(default_json(each))}` by default. {each.doc}\n" for each in fields)
    return _SETTINGS.sub(lambda found: f"{found[1]}\n{told}\n{found[2]}", (root / README).read_text("utf-8"))


def text(root: Path) -> str:
    title, body = readme(root).split("\n", 1)
    parts = list(_parts(re.sub(r"<!-- .*? -->\n", "", body)))
    contents = [_right(name, f"|aid-{name.lower()}|") for name in re.findall(r"^## (.*)", body, re.M)]
    head = f"*aid.txt*  {title.removeprefix('# ')}\n\n" + "\n".join(contents) + "\n"
    note = "Written by `python -m aid.codegen` from README.md; changes here are lost.\n"
    return "\n".join([head, *parts, note, " vim:tw=78:ts=8:noet:ft=help:norl:\n"])


def _parts(body: str) -> Iterator[str]:
    for block in _BLOCK.finditer(body.strip() + "\n"):
        language, code, prose = block[1], block[2], (block[3] or "").strip()
        if code is not None:
            yield f">{language}\n{textwrap.indent(code, '    ')}<\n"
        elif prose.startswith("## "):
            name = prose.removeprefix("## ")
            yield f"{'=' * WIDTH}\n{_right(name.upper(), f'*aid-{name.lower()}*')}\n"
        elif prose.startswith("### "):
            usage = prose.removeprefix("### ").strip("`")
            name = re.sub(r"\W|range", "", usage.split()[0])
            yield _right(usage, f"*:{name}*") + "\n"
        else:
            yield "".join(_wrapped(each) for each in re.split(r"\n(?=- )", prose))


def _wrapped(prose: str) -> str:
    prose = re.sub(r"`(:Aid\w*)`", r"|\1|", " ".join(prose.split()))
    prose = re.sub(r"`(aid-\w+)`", r"|\1|", prose)
    indent = "  " if prose.startswith("- ") else ""
    return textwrap.fill(prose, WIDTH, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False) + "\n"


def _right(left: str, tag: str) -> str:
    return left + tag.rjust(max(WIDTH - len(left), len(tag) + 2))


def _lua(value: str) -> str:
    return value.replace("[", "{ ").replace("]", " }").replace(",", ", ")
