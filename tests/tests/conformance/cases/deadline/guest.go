package cases

import "drift-host.local/drift"

// Deadline loops without end where `how` says so.
func Deadline(item drift.Item, _ *drift.Actions) error {
	rounds := 0
	for item["how"] == "loop" {
		rounds++
	}
	item["done"] = true
	return nil
}
