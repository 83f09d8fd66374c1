"""AID: a local sidecar that turns a prompt into a checked, undoable multi-file diff."""

__version__ = "0.1.0"
