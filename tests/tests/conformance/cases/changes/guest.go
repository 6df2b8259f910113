package cases

import "drift-host.local/drift"

// Changes changes the attribute `v` in the way that `how` names.
func Changes(item drift.Item, _ *drift.Actions) error {
	switch item["how"] {
	case "string":
		item["v"] = "b"
	case "number":
		item["v"] = drift.MustNum("2.50")
	case "integer":
		item["v"] = 42
	case "large integer":
		item["v"] = int64(9007199254740993)
	case "binary":
		item["v"] = []byte{0, 255}
	case "boolean":
		item["v"] = false
	case "null":
		item["v"] = nil
	case "string set":
		item["v"] = append(item["v"].(drift.StringSet), "c")
	case "number set":
		item["v"] = append(item["v"].(drift.NumberSet), drift.MustNum("2.5"))
	case "binary set":
		item["v"] = drift.BinarySet{{1}, {2}}
	case "list":
		list, err := item.List("v")
		if err != nil {
			return err
		}
		item["v"] = append(list, 2)
	case "map":
		value, err := item.Map("v")
		if err != nil {
			return err
		}
		delete(value, "b")
		value["c"] = true
	case "deep":
		value, err := item.Map("v")
		if err != nil {
			return err
		}
		value["a"].(drift.List)[0].(drift.Map)["b"] = "new"
	case "type":
		item["v"] = "7"
	case "empty string":
		item["v"] = ""
	case "empty list":
		item["v"] = []any{}
	case "empty map":
		item["v"] = map[string]any{}
	case "added":
		item["v"] = "new"
	case "removed":
		delete(item, "v")
	case "renamed":
		_, err := item.Rename("v", "w")
		return err
	case "several":
		item["a"], item["b"], item["e"] = "y", 2, "new"
		delete(item, "c")
	case "and back":
		item["v"], item["w"] = "y", 1
		item["v"] = "x"
		delete(item, "w")
	case "name with dots":
		item["a.b"], item["c d"] = "z", 1
		delete(item, "#n")
	case "true for one":
		item["v"] = true
	case "text for number":
		item["v"] = "1"
	}
	return nil
}
