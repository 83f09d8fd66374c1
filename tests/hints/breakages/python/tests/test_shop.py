from shop.basket import Basket, describe
from shop.money import Money, parse_money


def filled():
    basket = Basket("ada")
    basket.put("tea", parse_money("2.50"), count=3)
    basket.put("milk", Money(99))
    return basket


def test_total():
    assert filled().total() == Money(849)


def test_boxes():
    assert filled().boxes(3) == 2


def test_dump():
    assert '"owner": "ada"' in filled().dump()


def test_describe():
    text = describe(filled(), width=6)
    assert text == "tea...2.50 EUR\nmilk..0.99 EUR"
    assert describe(Basket("bob")) == "empty"


def test_discount():
    assert Money(200).discounted(0.25).text() == "1.50 EUR"
