"""What the host is doing, for `aid status`."""

import msgspec

from aid.protocol import ModelEntry, WorkspaceStatus


class HostStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The open workspaces, the models of the user's configuration, the requests running.

    `config_error` says why that configuration can't be read: then there are no models to tell of.
    """

    workspaces: tuple[WorkspaceStatus, ...] = ()
    models: tuple[ModelEntry, ...] = ()
    running: int = 0
    config_error: str | None = None
