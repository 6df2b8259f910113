package cases

import (
	"strings"

	"drift-host.local/drift"
)

// Context writes down what is told of the run.
func Context(item drift.Item, actions *drift.Actions) error {
	switch item["how"] {
	case "run":
		run := drift.CurrentRun()
		item["table"] = run.Table
		key := drift.List{}
		for _, name := range run.KeyAttributes {
			key = append(key, name)
		}
		item["key"] = key
	case "time":
		// Its form, for it is another in each run: 2026-11-26T09:50:18Z.
		item["time"] = strings.Map(func(c rune) rune {
			if c >= '0' && c <= '9' {
				return '9'
			}
			return c
		}, drift.CurrentRun().StartedAt)
	case "arguments":
		for _, name := range []string{"mode", "empty", "missing"} {
			if value, given := drift.Argument(name); given {
				item[name] = value
			}
		}
	case "key":
		key, err := drift.KeyOf(item)
		if err != nil {
			return err
		}
		actions.Insert("Others", key, drift.Keep)
	case "no key":
		delete(item, "Id")
		_, err := drift.KeyOf(item)
		return err
	}
	return nil
}
