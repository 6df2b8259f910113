// All cases in one component: `--arg case=NAME` chooses.
package main

import (
	"fmt"

	"conformance/cases"
	"drift-host.local/drift"
)

var all = map[string]drift.Function{
	"actions":      cases.Actions,
	"changes":      cases.Changes,
	"context":      cases.Context,
	"deadline":     cases.Deadline,
	"errors":       cases.Errors,
	"logs":         cases.Logs,
	"nesting":      cases.Nesting,
	"numbers":      cases.Numbers,
	"panics":       cases.Panics,
	"unchanged":    cases.Unchanged,
	"undo":         cases.Undo,
	"values":       cases.Values,
	"wrong_values": cases.WrongValues,
}

func init() {
	drift.Register(drift.Migration{
		Number: 20261126, Name: "conformance", Summary: "one behaviour, in the language at hand", Repeatable: true,
		After: []uint64{1},
		Grants: []drift.Grant{
			{Access: drift.Insert, Table: "Others", Why: "copies of items"},
			{Access: drift.Update, Table: "Others", Why: "counts"},
			{Access: drift.Delete, Table: "Others", Why: "what is no longer wanted"},
			{Access: drift.Insert, Why: "items beside the one at hand"},
			{Access: drift.Update, Why: "expressions"},
			{Access: drift.Delete, Why: "items that go"},
		},
		Migrate: migrate,
		Undo:    cases.UndoBack,
	})
}

func migrate(item drift.Item, actions *drift.Actions) error {
	name, _ := drift.Argument("case")
	chosen, found := all[name]
	if !found {
		return fmt.Errorf("there is no case %q", name)
	}
	return chosen(item, actions)
}

func main() {}
