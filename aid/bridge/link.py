"""The bridge's way to the daemon: found or started beside the work of the bridge, and again when it has gone.

The editor hears of it when it has waited for a second. Where daemons die, or can't be started, the next is tried at
once a few times and then ever later; a new request doesn't wait for that.
"""

import os
import socket
import threading
import time
from contextlib import suppress

from aid import lifecycle
from aid.bridge.conversation import ERROR, Conversation
from aid.errors import AidError

TELL_S = 1.0
LONG_LIVED_S = 5.0
LONGEST_WAIT_S = 30.0
AT_ONCE = 3  # daemons may die so many times in a row before the next is waited with


class Link:
    """`socket` is there while a daemon is. `ready` is a descriptor that can be read when `take` has something."""

    def __init__(self, conversation: Conversation) -> None:
        self.socket: socket.socket | None = None
        self.ready, self._signal = os.pipe()
        self._conversation = conversation
        self._found: socket.socket | AidError | None = None
        self._starting = False
        self._failures = 0
        self._not_before = 0.0
        self._since = 0.0
        self._absent_since: float | None = None
        self._told = False

    def look(self) -> float | None:
        """Start what is to be started, tell what is to be told; seconds until that is to be asked again."""
        now = time.monotonic()
        waits = []
        if self._conversation.here or not self._conversation.wanted:
            self._absent_since = None
        elif self._absent_since is None:
            self._absent_since = now
        if self.socket is None and self._conversation.wanted and not self._starting:
            left = 0.0 if self._conversation.pressing else self._not_before - now
            if left <= 0:
                self._starting = True
                # A daemon thread: waiting for someone else's start must not keep this process alive.
                threading.Thread(target=self._start, daemon=True).start()
            else:
                waits.append(left)
        if self._absent_since is not None and not self._told:
            left = self._absent_since + TELL_S - now
            if left <= 0:
                self._told = True
                self._conversation.show("waiting for its daemon, which is being started")
            else:
                waits.append(left)
        return min(waits) if waits else None

    def take(self) -> None:
        """What the start came to."""
        os.read(self.ready, 1)
        self._starting = False
        found, self._found = self._found, None
        if isinstance(found, socket.socket):
            found.setblocking(False)
            self.socket = found
            self._since = time.monotonic()
            self._conversation.attach()
        elif found is not None:
            self._later()
            with suppress(OSError):
                os.write(2, f"aid: {found}\n".encode())
            self._conversation.failed(str(found))

    def attached(self) -> None:
        """The daemon serves the editor."""
        if self._told:
            self._told = False
            self._conversation.show("its daemon is there again")

    def lost(self) -> None:
        """The daemon closed the connection."""
        assert self.socket is not None
        self.socket.close()
        self.socket = None
        if time.monotonic() - self._since >= LONG_LIVED_S or self._conversation.handed_over:
            self._failures = 0
            return
        self._later()
        if self._failures == AT_ONCE and not self._conversation.refused:
            self._conversation.show("its daemon ends as soon as it is started: see 'aid logs'", ERROR)

    def close(self) -> None:
        """The editor has gone. A start that is under way is left to itself: the daemon is everyone's."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def _later(self) -> None:
        self._failures += 1
        if self._failures >= AT_ONCE:
            self._not_before = time.monotonic() + min(2.0 ** (self._failures - AT_ONCE), LONGEST_WAIT_S)

    def _start(self) -> None:
        try:
            self._found = lifecycle.connect_or_start()
        except AidError as error:
            self._found = error
        os.write(self._signal, b".")
