import json
import math

from shop.money import Money


class Basket:
    def __init__(self, owner):
        self.owner = owner
        self.lines = []

    def put(self, name, price, count=1):
        if count < 1:
            raise ValueError(f"count {count} is less than 1")
        self.lines.append((name, price, count))

    def total(self):
        total = Money(0)
        for _, price, count in self.lines:
            total = total + Money(price.cents * count, price.currency)
        return total

    def boxes(self, size):
        if size == 0:
            raise ValueError("boxes of size 0 hold nothing")
        items = sum(count for _, _, count in self.lines)
        return math.ceil(items / size)

    def dump(self):
        lines = [{"name": name, "price": price.text(), "count": count} for name, price, count in self.lines]
        columns = [
            "name",
            "price",
            "count",
        ]
        return json.dumps({"owner": self.owner, "columns": columns, "lines": lines})


def describe(basket, width=20, fill="."):
    if not basket.lines:
        return "empty"
    return "\n".join(name.ljust(width, fill) + price.text() for name, price, _ in basket.lines)
