"""Changes the attribute `v` in the way that `how` names."""

from decimal import Decimal


def migrate(item, actions):
    match item["how"]:
        case "string":
            item["v"] = "b"
        case "number":
            item["v"] = Decimal("2.50")
        case "integer":
            item["v"] = 42
        case "large integer":
            item["v"] = 9007199254740993
        case "binary":
            item["v"] = bytes([0, 255])
        case "boolean":
            item["v"] = False
        case "null":
            item["v"] = None
        case "string set":
            item["v"].add("c")
        case "number set":
            item["v"].add(Decimal("2.5"))
        case "binary set":
            item["v"] = {b"\x01", b"\x02"}
        case "list":
            item["v"].append(2)
        case "map":
            del item["v"]["b"]
            item["v"]["c"] = True
        case "deep":
            item["v"]["a"][0]["b"] = "new"
        case "type":
            item["v"] = "7"
        case "empty string":
            item["v"] = ""
        case "empty list":
            item["v"] = []
        case "empty map":
            item["v"] = {}
        case "added":
            item["v"] = "new"
        case "removed":
            del item["v"]
        case "renamed":
            item["w"] = item.pop("v")
        case "several":
            item |= {"a": "y", "b": 2, "e": "new"}
            del item["c"]
        case "and back":
            item["v"], item["w"] = "y", 1
            item["v"] = "x"
            del item["w"]
        case "name with dots":
            item["a.b"], item["c d"] = "z", 1
            del item["#n"]
        case "true for one":
            item["v"] = True
        case "text for number":
            item["v"] = "1"
