"""What CES raises.

    CesError
    ├── ToolMissing        a program the build needs is not installed
    ├── BadChange          a change set names a path that may not be touched
    ├── NoIsolation        there is no sandbox to run code in that nobody has read
    └── InfraError         the machine failed us (disk, mount, killed worker): never the candidate's fault
        └── Killed         a command got SIGKILL from no one we know of; the candidate's doing if it happens each time

A red build is not an error: it is a `Verdict`.
"""

from ces.verdict import Stage


class CesError(Exception):
    """One line that names the thing, what was found and what to do next."""


class ToolMissing(CesError):
    pass


class BadChange(CesError):
    pass


class NoIsolation(CesError):
    pass


class InfraError(CesError):
    pass


class Killed(InfraError):
    def __init__(self, message: str, stage: Stage) -> None:
        super().__init__(message)
        self.stage: Stage = stage
