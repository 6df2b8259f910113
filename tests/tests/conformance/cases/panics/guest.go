package cases

import "drift-host.local/drift"

var zero int

// Panics panics in the way that `how` names.
func Panics(item drift.Item, _ *drift.Actions) error {
	switch item["how"] {
	case "of its own":
		panic("as it was asked to")
	case "nothing there":
		var missing *drift.Run
		item["done"] = missing.Table
	case "out of bounds":
		item["done"] = []int{1, 2, 3}[zero+7]
	case "divided by zero":
		item["done"] = 1 / zero
	case "wrong type":
		item["done"] = item["how"].(drift.Number)
	case "endless recursion":
		item["done"] = endless(1)
	default:
		item["done"] = true
	}
	return nil
}

func endless(number int) int { return endless(number+1) + 1 }
