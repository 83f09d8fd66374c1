"""CES, the code evaluation service: trees, diffs, version control, builds, verdicts.

The ground floor: it has never heard of editors, prompts or models, and imports nothing from `aid`.
"""

VERSION = "2"  # of the way verdicts are reached: one more where the same change may get another verdict than before
