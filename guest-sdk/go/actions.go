package drift

import (
	"fmt"
	"maps"
	"slices"
)

// Action is something to be done: a Patch, Put, UpdateExpression or Removal.
type Action interface{ action() }

// Patch changes the item that was handed in.
type Patch struct {
	Set    Item
	Remove []string
}

// Existing says what happens when an item with the key exists already.
type Existing uint8

const (
	// Keep leaves it as it is.
	Keep Existing = iota
	// Replace puts the new one in its place.
	Replace
	// Fail makes this item fail.
	Fail
)

// Put inserts an item.
type Put struct {
	// Table is its name; "" is the table being migrated.
	Table    string
	Item     Item
	Existing Existing
}

// Target is what an action is about: the item that was handed in, or the one with this key.
type Target struct {
	// Key is nil for the item that was handed in.
	Key Item
	// Table is its name; "" is the table being migrated.
	Table string
}

// UpdateExpression is UpdateItem in DynamoDB's own expression language.
type UpdateExpression struct {
	Target     Target
	Expression string
	// Condition may be empty.
	Condition string
	// Names are attributes by their placeholders, with the #.
	Names map[string]string
	// Values by their names, with the colon.
	Values Item
}

// Removal deletes an item.
type Removal struct{ Target Target }

func (Patch) action()            {}
func (Put) action()              {}
func (UpdateExpression) action() {}
func (Removal) action()          {}

// Actions gathers what is to happen beside the change of the item. All actions of one item happen, or none.
type Actions struct {
	list []Action
	err  error
}

// Insert puts an item into a table ("" is the one being migrated). It needs the grant `insert` of that table.
func (a *Actions) Insert(table string, item Item, existing Existing) {
	put := Put{Table: table, Item: item, Existing: existing}
	copied, err := item.copy()
	if err != nil {
		a.fail(err)
		return
	}
	put.Item = copied
	a.list = append(a.list, put)
}

// Delete deletes the item with this key. It needs the grant `delete` of that table.
func (a *Actions) Delete(table string, key Item) {
	copied, err := key.copy()
	if err != nil {
		a.fail(err)
		return
	}
	a.list = append(a.list, Removal{Target{Key: copied, Table: table}})
}

// DeleteThis deletes the item that was handed in; what was changed of it no longer matters. It needs the grant `delete` of the table being migrated.
func (a *Actions) DeleteThis() {
	a.list = append(a.list, Removal{})
}

// Update changes an item by an expression. It needs the grant `update` of that table. The function must not change the item
// that was handed in and update it as well.
func (a *Actions) Update(update UpdateExpression) {
	for _, item := range []*Item{&update.Values, &update.Target.Key} {
		if *item == nil {
			continue
		}
		copied, err := item.copy()
		if err != nil {
			a.fail(err)
			return
		}
		*item = copied
	}
	a.list = append(a.list, update)
}

func (a *Actions) fail(err error) {
	if a.err == nil {
		a.err = fmt.Errorf("an action: %w", err)
	}
}

// withChange gives all actions, the change of the item first.
func (a *Actions) withChange(before, after Item) ([]Action, error) {
	updated := false
	for _, action := range a.list {
		switch action := action.(type) {
		case Removal:
			if action.Target.Key == nil {
				// What was changed of an item that goes no longer matters.
				return a.list, nil
			}
		case UpdateExpression:
			updated = updated || action.Target.Key == nil
		}
	}
	patch, err := diff(before, after)
	if err != nil {
		return nil, err
	}
	if patch == nil {
		return a.list, nil
	}
	if updated {
		names := append(slices.Sorted(maps.Keys(patch.Set)), patch.Remove...)
		return nil, fmt.Errorf("the item was changed (%q) and is to be updated by an expression as well; do one of the two", names)
	}
	return append([]Action{*patch}, a.list...), nil
}

// diff is the patch from one state of an item to another; nil if there is no difference.
func diff(before, after Item) (*Patch, error) {
	patch := Patch{Set: Item{}}
	var touched []string
	fresh := 0
	for name, value := range after {
		old, had := before[name]
		if !had {
			fresh++
		}
		// What was left alone need not be looked at.
		if !had || !untouched(old, value) {
			touched = append(touched, name)
		}
	}
	slices.Sort(touched)
	for _, name := range touched {
		value, err := attribute(name, after[name])
		if err != nil {
			return nil, err
		}
		if old, had := before[name]; !had || !same(old, value) {
			patch.Set[name] = value
		}
	}
	if len(after)-fresh < len(before) {
		for _, name := range slices.Sorted(maps.Keys(before)) {
			if !after.Has(name) {
				patch.Remove = append(patch.Remove, name)
			}
		}
	}
	if len(patch.Set) == 0 && len(patch.Remove) == 0 {
		return nil, nil
	}
	return &patch, nil
}
