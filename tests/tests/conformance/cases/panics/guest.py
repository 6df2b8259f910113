"""Fails without its doing in the way that `how` names."""


def migrate(item, actions):
    match item["how"]:
        case "of its own":
            raise RuntimeError("as it was asked to")
        case "nothing there":
            item["done"] = item["missing"]
        case "out of bounds":
            item["done"] = [1, 2, 3][7]
        case "divided by zero":
            item["done"] = 1 // 0
        case "wrong type":
            item["done"] = item["how"] + 1
        case "endless recursion":
            item["done"] = endless(1)
        case _:
            item["done"] = True


def endless(number):
    return endless(number + 1) + 1
