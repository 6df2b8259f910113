package cases

import (
	"strconv"
	"strings"

	"drift-host.local/drift"
)

// Nesting puts in as many lists, or maps, within each other as `how` says.
func Nesting(item drift.Item, _ *drift.Actions) error {
	how, err := item.String("how")
	if err != nil {
		return err
	}
	text, maps := strings.CutPrefix(how, "maps ")
	levels, err := strconv.Atoi(text)
	if err != nil {
		return err
	}
	var value any
	for range levels {
		if maps {
			value = drift.Map{"a": value}
		} else {
			value = drift.List{value}
		}
	}
	item["v"] = value
	return nil
}
