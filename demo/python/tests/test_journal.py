import pytest

from ledger.journal import Journal


def test_a_transfer_keeps_the_journal_balanced():
    journal = Journal()
    journal.transfer("bank", "rent", 80_000)
    assert journal.account("rent").balance == 80_000
    assert journal.is_balanced()


def test_a_transfer_of_nothing_is_refused():
    with pytest.raises(ValueError):
        Journal().transfer("bank", "rent", 0)


def test_balances_as_json():
    journal = Journal()
    journal.transfer("bank", "food", 12)
    assert journal.as_json() == '{"bank": -12, "food": 12}'
