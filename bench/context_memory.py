"""The daemon's memory with an indexed workspace of 20,000 files, in a process of its own. `--files N` for another size.

Prints resident memory step by step (Python with what the daemon imports; index opened; indexed; after requests and
after files were read anew in the process itself), how long indexing took, and the median time to build a context.
The bar is 150 MB in all. A model is no part of it.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

BAR_MB = 150
REQUESTS = 40
EDITED_FILES = 20
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def rss_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES / 1e6


async def measure(root: Path) -> int:
    import aiohttp
    import pygls.lsp.server

    print(f"{rss_mb():6.1f} MB  Python, aiohttp {aiohttp.__version__}, {pygls.lsp.server.__name__}")
    from context_latency import timed

    from aid.context.build import ContextBuilder
    from aid.context.index import WorkspaceIndex

    index = WorkspaceIndex(root)
    builder = ContextBuilder()
    await index.start()
    print(f"{rss_mb():6.1f} MB  index opened")
    started = time.perf_counter()
    await index.until_ready()
    seconds = time.perf_counter() - started
    print(f"{rss_mb():6.1f} MB  {index.files} files indexed in {seconds:.1f} s, in the background")
    files = sorted(root.rglob("*.ml"))
    times = [await timed(builder, index, files, number) for number in range(REQUESTS)]
    print(f"{rss_mb():6.1f} MB  after {REQUESTS} requests, {statistics.median(times):.1f} ms at the median")
    generation = index.generation
    for path in files[:EDITED_FILES]:
        path.write_text(f"{path.read_text()}\nlet added = 1\n")
    await index.until_newer(generation)
    reached = rss_mb()
    print(f"{reached:6.1f} MB  after {EDITED_FILES} edits; {reached / BAR_MB:.2f} of the bar of {BAR_MB} MB")
    await builder.close()
    await index.close()
    return 0 if reached <= BAR_MB else 1


def main(files: int) -> int:
    from _context_workspace import make_workspace

    with tempfile.TemporaryDirectory(prefix="aid") as folder:
        root = Path(folder, "workspace")
        make_workspace(root, files)
        environment = os.environ | {"XDG_CACHE_HOME": f"{folder}/cache"}
        command = [sys.executable, __file__, "--measure", str(root)]
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--measure", type=Path)
    arguments = parser.parse_args()
    sys.exit(asyncio.run(measure(arguments.measure)) if arguments.measure else main(arguments.files))
