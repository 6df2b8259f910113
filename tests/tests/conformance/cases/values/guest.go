package cases

import "drift-host.local/drift"

// Values puts each item into another table as it was read.
func Values(item drift.Item, actions *drift.Actions) error {
	actions.Insert("Others", item, drift.Keep)
	return nil
}
