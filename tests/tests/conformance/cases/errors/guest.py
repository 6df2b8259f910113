"""Fails in the way that `how` names."""


def migrate(item, actions):
    match item["how"]:
        case "returned":
            raise ValueError('there is no price in "a box"')
        case "of a library":
            int("a b")
        case "with a cause":
            try:
                raise KeyError("no such month")
            except KeyError as error:
                raise ValueError("reading the date") from error
        case "of two lines":
            raise ValueError("the first line\nthe second line")
        case "without words":
            raise ValueError
        case "after changes":
            item["done"] = True
            actions.insert("Others", {"Id": 7})
            raise ValueError("too late")
        case _:
            item["done"] = True
