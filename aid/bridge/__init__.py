"""`aid connect`: all that an editor starts. Its standard input and output on one side, the daemon on the other.

It outlives the daemon: `conversation` knows what a new one must be told and what was asked and not answered, `link`
finds or starts it, `pump` carries bytes. Imports next to nothing, since every editor keeps one running.
"""

from aid.bridge.pump import run

__all__ = ["run"]
