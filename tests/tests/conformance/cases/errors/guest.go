package cases

import (
	"errors"
	"fmt"
	"strconv"

	"drift-host.local/drift"
)

// Errors fails in the way that `how` names.
func Errors(item drift.Item, actions *drift.Actions) error {
	switch item["how"] {
	case "returned":
		return fmt.Errorf("there is no price in %q", "a box")
	case "of a library":
		_, err := strconv.Atoi("a b")
		return err
	case "with a cause":
		return fmt.Errorf("reading the date: %w", errors.New("no such month"))
	case "of two lines":
		return errors.New("the first line\nthe second line")
	case "without words":
		return errors.New("")
	case "after changes":
		item["done"] = true
		actions.Insert("Others", drift.Item{"Id": 7}, drift.Keep)
		return errors.New("too late")
	}
	item["done"] = true
	return nil
}
