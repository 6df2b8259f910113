"""Puts in what DynamoDB cannot hold, as `how` says."""

from decimal import Decimal


def migrate(item, actions):
    match item["how"]:
        case "fraction":
            item["v"] = 1.5
        case "within":
            item["v"] = {"a": [1, 1.5]}
        case "not a number":
            item["v"] = Decimal("NaN")
        case "infinity":
            item["v"] = float("inf")
        case "empty set":
            item["v"] = set()
        case "39 digits":
            item["v"] = Decimal("123456789012345678901234567890123456789")
        case "too large":
            item["v"] = Decimal("1E126")
        case "no number":
            item["v"] = Decimal("one")
        case "no type":
            item["v"] = object()
        case "half a pair":
            item["v"] = "a\ud800"
        case "key changed":
            item["Id"] = 1000
        case "key removed":
            del item["Id"]
        case "in an action":
            actions.insert("Others", {"Id": 1, "v": set()})
        case "in an update":
            actions.update(None, None, "SET v = :v", values={":v": set()})
        case "returned":
            return item
        case "fine":
            item["v"] = 1
