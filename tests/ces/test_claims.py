"""Bases' folders between processes that open and evict them at once."""

import multiprocessing
import os
from pathlib import Path

from ces import claims
from ces.bases import _remove


def _at_once(folder: Path, rounds: int) -> list[str]:
    """What went wrong with opening a folder and evicting it, in turn."""
    wrong = []
    for number in range(rounds):
        try:
            if number % 2:
                _remove(folder)
            else:
                lock = claims._lock(folder)
                if lock is not None:
                    (folder / "tree" / "lib").mkdir(parents=True, exist_ok=True)
                    os.close(lock)
        except Exception as error:
            wrong.append(repr(error))
    return wrong


def test_a_base_that_goes_while_it_is_opened_is_no_failure(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as processes:
        assert processes.starmap(_at_once, [(tmp_path / "bases" / "b", 300)] * 4) == [[]] * 4
