"""Asks for the action that `how` names."""


def migrate(item, actions):
    def key(number):
        return {"Id": number}

    def fresh(number):
        return {"Id": number, "v": "new"}

    def put(table, key, **more):
        actions.update(table, key, "SET v = :v", values={":v": "new"}, **more)

    def count(table, key):
        expression = "SET #c = if_not_exists(#c, :none) + :one"
        actions.update(table, key, expression, names={"#c": "count"}, values={":none": 0, ":one": 1})

    match item["how"]:
        case "insert new":
            actions.insert("Others", fresh(11))
        case "keep what is there":
            actions.insert("Others", fresh(1), "keep")
        case "replace what is there":
            actions.insert("Others", fresh(3), "replace")
        case "fail at what is there":
            item["v"] = "new"
            actions.insert("Others", fresh(4), "fail")
        case "fail where nothing is":
            actions.insert("Others", fresh(15), "fail")
        case "insert own":
            actions.insert(None, fresh(1006))
        case "update this":
            put(None, None)
        case "update own":
            count(None, key(101))
        case "update other":
            count("Others", key(1))
        case "update with a condition":
            put("Others", key(20), condition="attribute_exists(v)")
        case "delete this":
            actions.delete_this()
        case "delete own":
            actions.delete(None, key(102))
        case "delete other":
            actions.delete("Others", key(2))
        case "patch and insert":
            item["v"] = "new"
            actions.insert("Others", fresh(16))
        case "several":
            item["v"] = "new"
            actions.insert("Others", fresh(17))
            actions.insert(None, fresh(1015))
            count("Others", key(18))
            actions.delete("Others", key(19))
        case "changed and deleted":
            item["v"] = "new"
            actions.delete_this()
        case "changed and updated":
            item["v"] = "new"
            count(None, None)
