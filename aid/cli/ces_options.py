"""Options that several `aid ces` commands have."""

from __future__ import annotations

import re
from typing import Any

import click

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_UNITS |= {f"{unit}I": 1 << 10 * power for power, unit in enumerate("KMGT", 1)}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]I?)?B?", re.IGNORECASE | re.ASCII)


class Size(click.ParamType[int]):
    """A size in bytes: 20G, 500 MB, 1.5T (powers of ten), 16GiB, or a plain number."""

    name = "size"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        found = _SIZE.fullmatch(str(value).strip())
        size = 0 if found is None else int(float(found[1]) * _UNITS[(found[2] or "").upper()])
        if size < 1:
            self.fail(f"{value!r} is no size: give one like 20G or 500M", parameter, context)
        return size


unsandboxed = click.option(
    "--run-untrusted-code-without-sandbox",
    "unsandboxed",
    is_flag=True,
    help="Judge even where this machine can't enclose what the diff's code does. See 'aid ces doctor'.",
)
quota = click.option(
    "--quota",
    "quota_bytes",
    type=Size(),
    metavar="SIZE",
    help="Disk that bases may take, as 20G; the least recently used go.  [default: quota_gb of [ces] in aid.toml, 20]",
)
