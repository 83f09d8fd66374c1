"""The real daemon around a FakeHost: `python tests/server/fake_daemon.py`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from fake_host import FakeHost

from aid.daemon import main

sys.exit(main([], make_host=FakeHost))
