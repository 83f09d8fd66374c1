"""What a person may type as `/name …` in the editor's chat. Everything else is a prompt."""

import re
from collections.abc import Callable
from pathlib import Path

from aid.acp import schema
from aid.acp.content import Asked, asked, named_file
from aid.acp.link import Link
from aid.acp.settings import Settings
from aid.errors import UsageError
from aid.protocol import BuildParams
from aid.wording import build_words
from ces.verdict import BuildStatus

COMMANDS = schema.Commands(
    available_commands=(
        schema.Command(
            name="fix",
            description="Mend what the build complains of",
            input=schema.CommandInput(hint="FILE[:LINE], or nothing for all of it"),
        ),
        schema.Command(name="undo", description="Take back all that was written of the last answer"),
        schema.Command(
            name="model",
            description="List the models, or choose one",
            input=schema.CommandInput(hint="NAME"),
        ),
        schema.Command(name="status", description="Say what the build says, and what is set"),
    )
)
_COMMAND = re.compile(r"^/(?P<name>[a-z]+)(?:\s+(?P<rest>.*))?$", re.S)
_PLACE = re.compile(r"^(?P<path>.+?)(?::(?P<lines>L?\d+(?:-L?\d+)?))?$")


def command(blocks: tuple[schema.Block, ...], root: Path) -> tuple[str, str] | None:
    """(name, what follows it), when that is what the person typed; a mentioned file counts as its name."""
    found = _COMMAND.match(asked(blocks, root).words)
    if found is None or found["name"] not in {each.name for each in COMMANDS.available_commands}:
        return None
    return found["name"], (found["rest"] or "").strip().strip("`")


def fix(place: str, root: Path) -> Asked:
    """`/fix`: the build's errors there, or all. Raises UsageError for a file that isn't there."""
    if not place:
        return Asked(words="Fix the build errors")
    found = _PLACE.match(place)
    ref = named_file(found["path"], found["lines"] or "", root) if found else None
    if ref is None or not (root / ref.path).exists():
        raise UsageError(f"{place} is no file of this workspace: write it as FILE or FILE:LINE")
    return Asked(words="", files=(ref,), fix=ref)


def model(name: str, settings: Settings, changed: Callable[[], None]) -> str:
    """`/model`: the answer. Raises UsageError for a model that there is none of."""
    if name:
        settings.set("model", name)
        changed()
        return f"This session asks {settings.model} from now on."
    listed = next((each.options for each in settings.options() if each.id == "model"), ())
    lines = [f"- {each.name}: {each.description}" + (" ←" if each.name == settings.model else "") for each in listed]
    return "\n".join(lines) or "No model is configured."


async def status(root: Path, settings: Settings, link: Link) -> str:
    """`/status`: the answer."""
    build: BuildStatus = await link.call("aid/build", BuildParams(workspace=str(root)))
    return f"{root}\n\nbuild: {build_words(build)}\n\nmodel: {settings.model}, mode: {settings.mode}"
