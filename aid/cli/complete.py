"""What the shell offers for an argument: names and ids, from files alone. Starts no daemon, changes nothing.

Each function is a click `shell_complete` callback.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import click
    from click.shell_completion import CompletionItem

MOST = 50


def model_names(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from aid import config
    from aid.errors import AidError

    try:
        found = config.load(_workspace(context)).config.models
    except (AidError, OSError):
        return []
    return _items(((name, str(each.__struct_config__.tag)) for name, each in sorted(found.items())), incomplete)


def applied_ids(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """What can be undone."""
    return _change_sets(context, "applied", incomplete)


def undone_ids(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """What can be applied again."""
    return _change_sets(context, "undone", incomplete)


def proposal_ids(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """This workspace's proposals that wait for an answer."""
    from aid.errors import AidError
    from aid.session.proposals import Proposals
    from aid.session.store import Store

    try:
        store = Store()
        found = Proposals(store).waiting(_workspace(context)) if store.path.exists() else []
        store.close()
    except (AidError, OSError):
        return []
    told = ((each.id, each.summary or ", ".join(file.path for file in each.files)) for each in found)
    return _items(told, incomplete)


def _change_sets(context: click.Context, state: str, incomplete: str) -> list[CompletionItem]:
    from aid.apply.opened import open_journal
    from aid.errors import AidError

    try:
        journal = open_journal(_workspace(context))  # not locked: whoever is at work there must not hold up the shell
        entries = [journal.entry(name) for name in journal.names()[:MOST]]
    except (AidError, OSError):
        return []
    found = [each for each in entries if each is not None and each.state == state]
    told = ((each.id, each.summary or ", ".join(file.path for file in each.files)) for each in found)
    return _items(told, incomplete)


def _workspace(context: click.Context) -> Path:
    from aid.root import find_root

    root = context.params.get("root")
    return Path(root).resolve() if root else find_root(Path.cwd())


def _items(found: Iterable[tuple[str, str]], incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(value, help=" ".join(told.split())) for value, told in found if value.startswith(incomplete)]
