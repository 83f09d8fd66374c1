"""What a service is told when it starts. Data only."""

from pathlib import Path

import msgspec

from ces.judge import JudgeSettings

PORT = 8437
QUEUE_LIMIT = 20_000


class ServiceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`port` None: no TCP; 0: any that is free. `unix`: a socket's path, beside TCP or instead of it.

    `token_file` None: `<state>/token`, made when it isn't there. `open_to_all`: no token is asked for; only where
    nobody else can connect. `slots` is how many requests are in the judge's hands at once, None: four a worker;
    `queue_limit` and `queue_bytes` bound what waits beside those. `read_timeout_s` is for one request's body,
    `idle_timeout_s` for a connection on which no request comes in. An answer is remembered by its key for `remember_s`.
    """

    judge: JudgeSettings
    host: str = "127.0.0.1"
    port: int | None = PORT
    unix: Path | None = None
    token_file: Path | None = None
    open_to_all: bool = False
    slots: int | None = None
    queue_limit: int = QUEUE_LIMIT
    queue_bytes: int = 256 << 20
    body_bytes: int = 64 << 20
    read_timeout_s: float = 60.0
    idle_timeout_s: float = 30.0
    remember_s: float = 600.0
    drain_s: float = 300.0

    @property
    def state_dir(self) -> Path:
        return self.judge.bases.state_dir
