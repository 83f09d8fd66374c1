"""For every test."""

import signal

# A shell starts what it leaves in the background without SIGINT, and every process under it inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)
