"""A price becomes text, tags a list, a name another; a copy goes elsewhere. And back."""

from decimal import Decimal

from drift_sdk import run


def migrate(item, actions):
    if "price" in item:
        item["amount"] = str(item.pop("price"))
        actions.insert("Others", run.key_of(item))
    if "tags" in item:
        item["labels"] = sorted(item.pop("tags"))
    if "a.b" in item:
        item["ab"] = item.pop("a.b")


def undo(item, actions):
    if "amount" in item:
        item["price"] = Decimal(item.pop("amount"))
        actions.delete("Others", run.key_of(item))
    if "labels" in item:
        item["tags"] = set(item.pop("labels"))
    if "ab" in item:
        item["a.b"] = item.pop("ab")
