// One attribute is added to an item: the same change in each language, for `cargo xtask bench`.
package main

import "drift-host.local/drift"

func init() {
	drift.Register(drift.Migration{
		Number: 20261126, Name: "touch", Summary: "Adds an attribute", Repeatable: true,
		Migrate: func(item drift.Item, actions *drift.Actions) error {
			item["touched"] = true
			return nil
		},
	})
}

func main() {}
