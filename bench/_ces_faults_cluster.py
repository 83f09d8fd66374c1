"""The part of ces_faults.py that needs Ray: two raylets, one of them killed while both judge. Leaves a Row as JSON."""

import asyncio
import time
from pathlib import Path

import msgspec
from ces_faults import RIGHT, Row, Scene, kind, values
from ray.cluster_utils import Cluster

from ces.bases import BaseSettings
from ces.builds.adapter import BuildSettings
from ces.cluster.connect import OWN_ADDRESS, connected
from ces.cluster.pool import ClusterJudge
from ces.cluster.settings import ClusterSettings
from ces.judge import JudgeSettings
from ces.request import CheckRequest

OBJECT_STORE_BYTES = 80 << 20


def killed_raylet(folder: Path) -> None:
    place = {"node_ip_address": OWN_ADDRESS, "object_store_memory": OBJECT_STORE_BYTES}
    quick = {"health_check_initial_delay_ms": 500, "health_check_period_ms": 500, "health_check_failure_threshold": 4}
    head = {"num_cpus": 0, "include_dashboard": False, "_system_config": quick, **place}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        nodes = [cluster.add_node(num_cpus=1, **place) for _ in range(2)]
        with connected(cluster.address, 1):
            (folder / "row.json").write_bytes(msgspec.json.encode(asyncio.run(_asked(folder, nodes))))
    finally:
        cluster.shutdown()


async def _asked(folder: Path, nodes: list[object]) -> Row:
    scene, row = Scene(folder), Row("raylet")
    build = BuildSettings(command=("sh", "check.sh"))
    bases = BaseSettings(state_dir=scene.state, build=lambda workspace: build)
    ces = ClusterJudge(ClusterSettings(judge=JudgeSettings(bases=bases), scale=lambda workers: None))
    while len(ces.nodes) < len(nodes):
        await ces.moved()
    work = [scene.request(value, value) for value in values(40, "slow good", "slow bad")]
    row.asked = len(work)
    row.right = {str(each["key"]): RIGHT[kind(str(each["diff"]))] for each in work}
    started = time.monotonic()

    async def one(each: dict[str, object]) -> None:
        row.add(str(each["key"]), await ces.check(msgspec.convert(each, CheckRequest)))
        if len(row.found) == 10:
            node = next(node for node in nodes if node.node_id == ces.nodes[0].node)  # type: ignore[attr-defined]
            node.all_processes["raylet"][0].process.kill()  # type: ignore[attr-defined]

    await asyncio.gather(*map(one, work))
    row.spent_s = time.monotonic() - started
    row.injected = f"1 of {len(nodes)} raylets killed; {ces.count().retries} requests asked of the other"
    await ces.close()
    return row
