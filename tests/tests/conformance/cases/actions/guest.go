package cases

import "drift-host.local/drift"

// Actions asks for the action that `how` names.
func Actions(item drift.Item, actions *drift.Actions) error {
	id := func(id int) drift.Item { return drift.Item{"Id": id} }
	fresh := func(id int) drift.Item { return drift.Item{"Id": id, "v": "new"} }
	set := func(target drift.Target, condition string) {
		actions.Update(drift.UpdateExpression{
			Target: target, Expression: "SET v = :v", Condition: condition, Values: drift.Item{":v": "new"},
		})
	}
	count := func(target drift.Target) {
		actions.Update(drift.UpdateExpression{
			Target: target, Expression: "SET #c = if_not_exists(#c, :none) + :one",
			Names: map[string]string{"#c": "count"}, Values: drift.Item{":none": 0, ":one": 1},
		})
	}
	switch item["how"] {
	case "insert new":
		actions.Insert("Others", fresh(11), drift.Keep)
	case "keep what is there":
		actions.Insert("Others", fresh(1), drift.Keep)
	case "replace what is there":
		actions.Insert("Others", fresh(3), drift.Replace)
	case "fail at what is there":
		item["v"] = "new"
		actions.Insert("Others", fresh(4), drift.Fail)
	case "fail where nothing is":
		actions.Insert("Others", fresh(15), drift.Fail)
	case "insert own":
		actions.Insert("", fresh(1006), drift.Keep)
	case "update this":
		set(drift.Target{}, "")
	case "update own":
		count(drift.Target{Key: id(101)})
	case "update other":
		count(drift.Target{Table: "Others", Key: id(1)})
	case "update with a condition":
		set(drift.Target{Table: "Others", Key: id(20)}, "attribute_exists(v)")
	case "delete this":
		actions.DeleteThis()
	case "delete own":
		actions.Delete("", id(102))
	case "delete other":
		actions.Delete("Others", id(2))
	case "patch and insert":
		item["v"] = "new"
		actions.Insert("Others", fresh(16), drift.Keep)
	case "several":
		item["v"] = "new"
		actions.Insert("Others", fresh(17), drift.Keep)
		actions.Insert("", fresh(1015), drift.Keep)
		count(drift.Target{Table: "Others", Key: id(18)})
		actions.Delete("Others", id(19))
	case "changed and deleted":
		item["v"] = "new"
		actions.DeleteThis()
	case "changed and updated":
		item["v"] = "new"
		count(drift.Target{})
	}
	return nil
}
