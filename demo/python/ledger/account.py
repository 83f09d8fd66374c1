"""Accounts: a name and the entries booked on it, in cents."""

from dataclasses import dataclass, field


@dataclass
class Account:
    name: str
    entries: list[int] = field(default_factory=list)

    def book(self, cents: int) -> None:
        self.entries.append(cents)

    @property
    def balance(self) -> int:
        return sum(self.entries)
