"""What CES raises.

    CesError
    ├── ToolMissing        a program the build needs is not installed
    ├── BadChange          a change set names a path that may not be touched
    └── InfraError         the machine failed us (disk, mount, killed worker): never the candidate's fault

A red build is not an error: it is a `Verdict`.
"""


class CesError(Exception):
    """One line that names the thing, what was found and what to do next."""


class ToolMissing(CesError):
    pass


class BadChange(CesError):
    pass


class InfraError(CesError):
    pass
