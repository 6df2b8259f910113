package cases

import (
	"bytes"
	"slices"

	"drift-host.local/drift"
)

// Unchanged puts each value in anew, equal to what was read: numbers written otherwise, sets in another order.
func Unchanged(item drift.Item, _ *drift.Actions) error {
	for name, value := range item {
		item[name] = anew(value)
	}
	return nil
}

func anew(value any) any {
	switch value := value.(type) {
	case drift.Number:
		return value + "E0"
	case []byte:
		return bytes.Clone(value)
	case drift.StringSet:
		set := slices.Clone(value)
		slices.Reverse(set)
		return set
	case drift.NumberSet:
		var set drift.NumberSet
		for _, number := range slices.Backward(value) {
			set = append(set, number+"E0")
		}
		return set
	case drift.BinarySet:
		set := slices.Clone(value)
		slices.Reverse(set)
		return set
	case drift.List:
		list := []any{}
		for _, child := range value {
			list = append(list, anew(child))
		}
		return list
	case drift.Map:
		made := map[string]any{}
		for name, child := range value {
			made[name] = anew(child)
		}
		return made
	}
	return value
}
