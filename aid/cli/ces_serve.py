"""`aid ces serve`: the code evaluation service, until it is told to stop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from aid.cli.ces_options import quota, unsandboxed
from aid.cli.say import say

if TYPE_CHECKING:
    from ces.service.serve import Address
    from ces.service.settings import ServiceSettings


@click.command()
@click.option("--workers", type=click.IntRange(min=1), help="Builds at once, on each node.  [default: one a processor]")
@click.option(
    "--ray",
    metavar="[HOST:PORT]",
    is_flag=False,
    flag_value="",
    help="Judge on the nodes of this Ray cluster, else that of RAY_ADDRESS, else one started here.",
)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), help="0: any that is free.  [default: 8437, none with --unix]")
@click.option("--unix", type=click.Path(path_type=Path), help="Listen on this unix socket.")
@click.option("--token-file", type=click.Path(path_type=Path), help="Read the bearer token here; it is made otherwise.")
@click.option("--no-token", is_flag=True, help="Ask for no token; only on loopback or a unix socket.")
@click.option(
    "--queue", "queue_limit", type=click.IntRange(min=1), help="How many requests may wait.  [default: 20000]"
)
@click.option(
    "--drain", "drain_s", type=click.FloatRange(min=0), help="Seconds for the rest when it is to stop.  [default: 300]"
)
@quota
@unsandboxed
@click.option("--state", type=click.Path(path_type=Path, file_okay=False), help="Keep bases and verdicts here.")
def serve(
    workers: int | None,
    ray: str | None,
    host: str,
    port: int | None,
    unix: Path | None,
    token_file: Path | None,
    no_token: bool,
    queue_limit: int | None,
    drain_s: float | None,
    quota_bytes: int | None,
    state: Path | None,
    unsandboxed: bool,
) -> None:
    """Judge diffs over HTTP until SIGTERM; see /v1/check, /v1/bases, /v1/health, /metrics and the page at /.

    \b
    git diff | jq -Rs '{diff: ., workspace: env.PWD, rev: "HEAD"}' |
      curl -i -H "Authorization: Bearer $(cat TOKEN)" --data-binary @- http://127.0.0.1:8437/v1/check

    The answer is a verdict. Each worker has four requests in hand, and --queue more may wait: after those the answer is
    429 with a Retry-After in seconds. 'aid ces check' finds the service by itself and asks again then.
    """
    import logging
    import os
    import sys

    from aid.errors import UsageError
    from aid.judging import judge_settings
    from ces.errors import CesError
    from ces.service.settings import PORT, ServiceSettings

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    processors = len(os.sched_getaffinity(0))
    chosen = {"queue_limit": queue_limit, "drain_s": drain_s}
    settings = ServiceSettings(
        judge=judge_settings(
            workers or processors, state=state, quota_bytes=quota_bytes, allow_unsandboxed=unsandboxed
        ),
        host=host,
        port=port if port is not None else None if unix is not None else PORT,
        unix=unix,
        token_file=token_file,
        open_to_all=no_token,
        **{name: value for name, value in chosen.items() if value is not None},  # type: ignore[arg-type]
    )
    try:
        sys.exit(_run(settings) if ray is None else _run_on_ray(settings, ray, workers))
    except CesError as error:
        raise UsageError(str(error)) from error


def _run(settings: ServiceSettings) -> int:
    import asyncio

    from ces.service.serve import run

    return asyncio.run(run(settings, _say))


def _run_on_ray(settings: ServiceSettings, address: str, workers: int | None) -> int:
    import asyncio

    from ces.cluster.link import Link
    from ces.cluster.settings import ClusterSettings
    from ces.service.serve import run

    async def whole() -> int:
        cluster = ClusterSettings(judge=settings.judge, workers=workers)
        link = Link(cluster, address or None, settings.judge.workers)
        try:
            await link.start()
            return await run(settings, _say, lambda judge: link)
        finally:
            await link.close()

    return asyncio.run(whole())


def _say(address: Address) -> None:
    where = " and ".join(each for each in (address.url, address.unix and f"unix:{address.unix}") if each)
    say(f"listening on {where}")
    if address.token_file is not None:
        say(f"token in {address.token_file}")
