"""What a person would type into their editor when a build or a test is red: short, and not always the same."""

import re
from collections.abc import Sequence

from ces.verdict import Diagnostic, Stage

_LONGEST = 120
_PLACE = re.compile(r'^\s*File "[^"]*", lines? [\d-]+(?:, characters [\d-]+)?:\s*')


def prompts(files: Sequence[str], errors: Sequence[Diagnostic], stage: Stage | None) -> tuple[str, ...]:
    """Ways to ask for the repair, those that say where first.

    `files` are those that were broken, `errors` what the build said of that. Only what a person sees is used: the file
    that the build names, rather than the one that was broken.
    """
    seen = next((error.file for error in errors if error.file is not None), None)
    about = seen or (files[0] if len(files) == 1 else None)
    if stage == "test":
        asked = ["make the tests pass", "the tests fail, fix the code"]
        asked += [f"the tests fail since {about} was changed, fix it"] if about in files else []
    else:
        asked = ["fix the build", "it doesn't compile any more, mend it"]
        asked += [f"fix the build error in {about}", f"{about} is red, fix it"] if about is not None else []
    said = _first_line(errors)
    return (*reversed(asked), *([f"fix this: {said}"] if said else []))


def _first_line(errors: Sequence[Diagnostic]) -> str:
    """The first error's own words; a place that a preprocessed file's message begins with is left out."""
    line = _PLACE.sub("", errors[0].message).strip().split("\n")[0].rstrip(" :") if errors else ""
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
