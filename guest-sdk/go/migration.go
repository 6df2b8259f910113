// Package drift is for migrations of DynamoDB tables that drift-host runs: one function over one item.
//
//	func init() {
//		drift.Register(drift.Migration{
//			Number: 20261125, Name: "trim-names", Summary: "Names without blanks around them", Repeatable: true,
//			Migrate: func(item drift.Item, actions *drift.Actions) error {
//				name, err := item.String("name")
//				if err != nil {
//					return err
//				}
//				item["name"] = strings.TrimSpace(name)
//				return nil
//			},
//		})
//	}
//
//	func main() {}
//
// What the function changes of the item becomes one patch, which the host writes only if the item is still as it was seen.
// An error, and a panic, is this item's error; the other items go on.
package drift

import (
	"fmt"
	"runtime/debug"
	"strings"
)

// Function migrates one item: it changes item, and adds to actions what is to happen beside that.
type Function func(item Item, actions *Actions) error

// Migration is what a component is: one function, perhaps its way back, and what it says about itself.
type Migration struct {
	// Number is its place in the history, unique per metadata table; a date, say. Above zero.
	Number uint64
	// Name is short: trim-names.
	Name string
	// Summary says what it does, for the operator.
	Summary string
	// Repeatable states that running it, and its undo, on its own result or on any later state of the item makes nothing
	// further happen. Then a write whose fate is unknown is settled by running it again.
	Repeatable bool
	// After are the numbers of migrations that must be applied before.
	After []uint64
	// Grants are what it needs beyond changing the item. Asking is not getting.
	Grants []Grant
	// Extra is more about it, as names and values: who is in charge, say.
	Extra map[string]string

	Migrate Function
	// Undo is the way back, or nil.
	Undo Function
}

// Access is what a migration may ask for on a table.
type Access uint8

const (
	Insert Access = iota
	Update
	Delete
)

// Grant is an access that a migration asks for.
type Grant struct {
	Access Access
	// Table is its name; "" is the table being migrated.
	Table string
	// Why, for the operator.
	Why string
}

var registered *Migration

// Register makes the migration this component's. Call it once, from init.
func Register(migration Migration) {
	if registered != nil {
		panic("drift.Register was called twice; a component is one migration")
	}
	switch {
	case migration.Number == 0:
		panic("drift.Register: the migration has no Number")
	case migration.Name == "":
		panic("drift.Register: the migration has no Name")
	case migration.Migrate == nil:
		panic("drift.Register: the migration has no Migrate function")
	}
	registered = &migration
}

// Registered is the migration that was registered; it panics if none was.
func Registered() Migration {
	if registered == nil {
		panic("no migration: call drift.Register from an init function")
	}
	return *registered
}

// call runs one of the two functions on an item as it is read and gives the actions, the patch first.
func call(function Function, item Item) (actions []Action, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			actions, err = nil, fmt.Errorf("panicked: %v\n%s", panicked, stack())
		}
	}()
	if function == nil {
		return nil, fmt.Errorf("the migration has no undo")
	}
	before := item.apart()
	var more Actions
	if err := function(item, &more); err != nil {
		return nil, err
	}
	if more.err != nil {
		return nil, more.err
	}
	return more.withChange(before, item)
}

// stack is the part of the stack that is the author's: without the runtime's frames above, and ours below.
func stack() string {
	lines := strings.Split(strings.TrimSpace(string(debug.Stack())), "\n")
	var kept []string
	for at := 1; at+1 < len(lines); at += 2 {
		function, place := lines[at], strings.TrimSpace(lines[at+1])
		switch {
		case strings.HasPrefix(function, "runtime"), strings.HasPrefix(function, "panic("):
			continue
		case strings.HasPrefix(function, "drift-host.local/drift.") && !strings.Contains(place, "_test.go:"):
			if len(kept) > 0 {
				return strings.Join(kept, "\n")
			}
			continue
		}
		if end := strings.LastIndex(place, " +0x"); end > 0 {
			place = place[:end]
		}
		kept = append(kept, "  at "+place)
	}
	return strings.Join(kept, "\n")
}
