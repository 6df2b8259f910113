//go:build !wasip1

package drift

import "fmt"

// Outside of a component, in unit tests, the run is what Testing says.
var (
	testRun       = Run{Table: "Table", KeyAttributes: []string{"Id"}, StartedAt: "2026-01-01T00:00:00Z"}
	testArguments = map[string]string{}
)

func currentRun() Run { return testRun }

func argument(name string) (string, bool) {
	value, given := testArguments[name]
	return value, given
}

func writeLog(level Level, message string) {
	fmt.Printf("%s: %s\n", [...]string{"debug", "info", "warn", "error"}[level], message)
}

// Testing runs a migration in unit tests, without a component.
type Testing struct {
	// Run is what the migration is told; zero fields stay as they are.
	Run Run
	// Arguments of `--arg`.
	Arguments map[string]string
}

// Migrate gives the item as its patch leaves it, and all actions; item itself stays as it is.
func (t Testing) Migrate(migration Migration, item Item) (after Item, actions []Action, err error) {
	return t.call(migration.Migrate, item)
}

// Undo is the same of the way back.
func (t Testing) Undo(migration Migration, item Item) (after Item, actions []Action, err error) {
	return t.call(migration.Undo, item)
}

func (t Testing) call(function Function, item Item) (Item, []Action, error) {
	run, arguments := testRun, testArguments
	defer func() { testRun, testArguments = run, arguments }()
	if t.Run.Table != "" {
		testRun.Table = t.Run.Table
	}
	if t.Run.KeyAttributes != nil {
		testRun.KeyAttributes = t.Run.KeyAttributes
	}
	if t.Run.StartedAt != "" {
		testRun.StartedAt = t.Run.StartedAt
	}
	if t.Arguments != nil {
		testArguments = t.Arguments
	}
	after, err := item.copy()
	if err != nil {
		return nil, nil, err
	}
	handed, err := item.copy()
	if err != nil {
		return nil, nil, err
	}
	actions, err := call(function, handed)
	if err != nil {
		return nil, nil, err
	}
	for _, action := range actions {
		switch action := action.(type) {
		case Patch:
			for _, name := range action.Remove {
				delete(after, name)
			}
			for name, value := range action.Set {
				after[name] = value
			}
		case Removal:
			if action.Target.Key == nil {
				after = nil
			}
		}
	}
	return after, actions, nil
}
