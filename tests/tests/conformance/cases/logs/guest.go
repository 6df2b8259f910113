package cases

import (
	"errors"
	"fmt"
	"os"

	"drift-host.local/drift"
)

// Logs logs in the way that `how` names.
func Logs(item drift.Item, _ *drift.Actions) error {
	switch item["how"] {
	case "levels":
		drift.Log(drift.DebugLevel, "for who looks closely")
		drift.Log(drift.InfoLevel, "for all")
		drift.Log(drift.WarnLevel, "for who worries")
		drift.Log(drift.ErrorLevel, "for who must act")
	case "printed":
		fmt.Println("printed")
	case "to the error stream":
		fmt.Fprintln(os.Stderr, "to the error stream")
	case "mixed":
		drift.Log(drift.InfoLevel, "first")
		fmt.Println("second")
		drift.Log(drift.InfoLevel, "third")
	case "of two lines":
		drift.Log(drift.InfoLevel, "one\ntwo")
	case "empty":
		drift.Log(drift.InfoLevel, "")
	case "wide":
		drift.Log(drift.InfoLevel, "🦆 é \u001b[2J")
	case "before an error":
		drift.Log(drift.WarnLevel, "this looks bad")
		return errors.New("it is bad")
	case "values":
		drift.Log(drift.InfoLevel, "%d of %s", 7, drift.MustNum("1.50"))
	case "without an end":
		fmt.Print("no line's end")
	}
	return nil
}
