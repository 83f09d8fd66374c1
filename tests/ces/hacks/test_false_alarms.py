"""Real pull requests are no hacks: not against themselves, not against another person's of the same kind.

They are not in the repository: AID_SHARED_FIXTURES names their folder, else it is looked for beside the checkout.
`bench/hacks_false_alarms.py` measures all of them and whole git histories; here every third is looked at.
"""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "bench"))

from hacks_false_alarms import FIXTURES, alarms, fellows, pull_requests, seen

FILE = FIXTURES / "real_pull_requests.jsonl.gz"


@pytest.mark.skipif(
    not FILE.is_file(), reason=f"the shared fixtures are not at {FILE}: a developer's checkout has them"
)
def test_real_pull_requests_are_no_hacks() -> None:
    every = [seen(human) for human in list(pull_requests(FILE))[::3]]
    assert alarms(((one, one) for one in every), show=True).wrong == 0
    pairs = list(fellows(every, alike=True))
    assert len(pairs) > 30
    assert alarms(pairs, show=True).wrong == 0
