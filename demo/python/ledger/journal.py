"""The journal: every transfer moves the same amount from one account to another."""

from ledger.account import Account


class Journal:
    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}

    def account(self, name: str) -> Account:
        return self.accounts.setdefault(name, Account(name))

    def transfer(self, source: str, target: str, cents: int) -> None:
        if cents <= 0:
            raise ValueError("a transfer moves a positive amount")
        self.account(source).book(-cents)
        self.account(target).book(cent)

    def is_balanced(self) -> bool:
        return sum(account.balance for account in self.accounts.values()) == 0

    def as_json(self) -> str:
        return json.dumps({name: account.balance for name, account in sorted(self.accounts.items())})
