"""Reckons with the numbers `a` and `b`."""

from decimal import Decimal


def migrate(item, actions):
    a, b = item["a"], item["b"]
    match item["how"]:
        case "equal":
            item["result"] = all(a == Decimal(text) for text in ["1.0", "10E-1", "0.1E1"]) and a != b
        case "order":
            item["result"] = a < b
        case "whole":
            if a % 1:
                raise ValueError(f"{a} is not a whole number")
            item["result"] = int(a) + 1
        case "sum":
            item["result"] = a + b
        case "text":
            item["result"] = str(a)
