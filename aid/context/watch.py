"""Watching folders: one thread a workspace that waits for the kernel's notifications (watchfiles, inotify).

Only the folders that are indexed are watched, each on its own, so that ignored trees cost no watches. Where the
kernel gives no more watches there is nothing to wait for: the index then compares the tree at intervals.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError

DEBOUNCE_MS = 400
STEP_MS = 50
_LIMIT_FILE = Path("/proc/sys/fs/inotify/max_user_watches")


def watch_allowance() -> int:
    """How many folders one workspace may watch: half of what the kernel allows a user, as editors watch too."""
    try:
        return int(_LIMIT_FILE.read_text()) // 2
    except (OSError, ValueError):
        return 1_000_000


class Watcher:
    """Calls `changed` on the event loop with the absolute paths that changed. Armed once constructed.

    Raises OSError when the kernel refuses (no more watches or instances); FileNotFoundError or PermissionError, which
    are such too, when a folder has gone or been shut.
    """

    def __init__(self, folders: Sequence[str], changed: Callable[[set[str]], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._changed = changed
        self._stop = threading.Event()
        try:  # not to ignore_permission_denied: it would ignore that there are no watches left, too
            self._notify = RustNotify(list(folders), False, False, 0, False, False)
        except WatchfilesRustInternalError as error:
            raise OSError(str(error)) from error
        self._thread = threading.Thread(target=self._run, name="aid-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop watching; the thread ends within a moment."""
        self._stop.set()

    def join(self) -> None:
        """Stop watching and wait for the thread; blocks for at most `STEP_MS` or so."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with self._notify as notify:
            while not self._stop.is_set():
                seen = notify.watch(DEBOUNCE_MS, STEP_MS, 0, self._stop)
                if isinstance(seen, set) and not self._stop.is_set():
                    self._tell({path for _, path in seen})

    def _tell(self, paths: set[str]) -> None:
        try:
            self._loop.call_soon_threadsafe(self._changed, paths)
        except RuntimeError:  # the loop has closed without stopping us
            self._stop.set()
