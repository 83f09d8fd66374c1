"""All that `aid` prints: lines for a person, with nothing in them that a terminal would obey; bytes for a script."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import click

from aid.errors import OutputError, UsageError
from aid.printable import printable


def say(text: str = "", *, err: bool = False) -> None:
    """A line, or several, for a person. Raises OutputError where standard output takes no more."""
    if err:
        with suppress(OSError):  # there is nowhere else to say it
            click.echo(printable(text), err=True)
        return
    with _written():
        click.echo(printable(text))


def give(text: str) -> None:
    """`text` byte for byte; lone surrogates are the bytes they were read from. Raises OutputError as `say` does."""
    with _written():
        click.echo(text.encode("utf-8", "surrogateescape"), nl=False)


def give_diff(diff: str) -> None:
    """A diff: coloured on a terminal, else as it is, so that it can be applied."""
    if not on_terminal():
        give(diff if diff.endswith("\n") or not diff else f"{diff}\n")
        return
    from rich.console import Console

    with _written():
        Console().print(coloured(diff))


def coloured(diff: str) -> object:
    """A diff for rich: wrapped, for what is cropped is not reviewed."""
    from rich.syntax import Syntax

    return Syntax(printable(diff), "diff", background_color="default", word_wrap=True)


def on_terminal() -> bool:
    """Whether a person reads standard output; it is None when the shell closed it."""
    return sys.stdout is not None and sys.stdout.isatty()


def need_output() -> None:
    """Raises UsageError where what was asked for could be written nowhere."""
    if sys.stdout is None:
        raise UsageError("standard output is closed: leave it open, or send it to /dev/null")


@contextmanager
def _written() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        _leave_unwritten()
        raise OutputError(f"can't write to standard output: {error.strerror}") from error


def _leave_unwritten() -> None:
    """Python would try to write it again at exit, and fail again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
