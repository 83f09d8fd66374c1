"""Amounts of money, in cents."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Money:
    cents: int
    currency: str = "EUR"

    def __add__(self, other):
        if self.currency != other.currency:
            raise ValueError("currencies differ")
        return Money(self.cents + other.cents, self.currency)

    def discounted(self, rate):
        return Money(int(self.cents * (1 - rate)), self.currency)

    def text(self):
        return f"{self.cents / 100:.2f} {self.currency}"


def parse_money(text):
    amount, _, currency = text.partition(" ")
    return Money(round(float(amount) * 100), currency or "EUR")
