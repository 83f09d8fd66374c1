"""What the trainer raises.

AidError
└── UsageError
    └── TrainerError     a task set, a run or its settings can't be used; the command exits with 2
"""

from aid.errors import UsageError


class TrainerError(UsageError):
    pass
