package drift

import "fmt"

// Run is what a migration is told of the run it is in: the same for every item, also after a resume.
type Run struct {
	// Table is the name of the table being migrated.
	Table string
	// KeyAttributes are the names of the primary key's attributes, partition key first.
	KeyAttributes []string
	// StartedAt is when the run began, RFC 3339 in UTC. In a component time.Now is that as well.
	StartedAt string
}

// CurrentRun is the run that a migration is in. Not to be called from init.
func CurrentRun() Run { return currentRun() }

// Argument is the value of `--arg name=value`.
func Argument(name string) (value string, given bool) { return argument(name) }

// KeyOf is the key of an item of the table being migrated.
func KeyOf(item Item) (Item, error) {
	key := Item{}
	for _, name := range currentRun().KeyAttributes {
		value, has := item[name]
		if !has {
			return nil, fmt.Errorf("the key attribute %q is missing", name)
		}
		key[name] = value
	}
	return key, nil
}

// Level says how much a line of the log matters.
type Level uint8

const (
	DebugLevel Level = iota
	InfoLevel
	WarnLevel
	ErrorLevel
)

// Log writes a line for the operator, to the log of the item at hand. What is printed goes there too.
func Log(level Level, format string, arguments ...any) {
	writeLog(level, fmt.Sprintf(format, arguments...))
}
