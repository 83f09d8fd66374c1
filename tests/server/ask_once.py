"""One prompt by aid.client, as the command line asks: `python ask_once.py PROMPT`; prints updates and the outcome."""

import sys

from aid.client import connect
from aid.errors import AidError
from aid.protocol import PromptParams

with connect(start=False) as client:
    try:
        params = PromptParams(workspace="/w", prompt=sys.argv[1])
        result = client.call("aid/prompt", params, on_update=lambda update: print(update.text.strip(), flush=True))
        print(f"result {result.text}")
    except AidError as error:
        print(f"{type(error).__name__} {error}")
        sys.exit(error.exit_code)
