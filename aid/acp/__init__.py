"""The Agent Client Protocol, version 1: AID for editors that nobody wrote a plugin for. `aid acp` starts it.

One process an editor, over standard input and output; all logic stays in the daemon, to which it is an editor like any
other (`aid connect`). `agent.py` is the place to start reading.
"""
