package cases

import (
	"math"

	"drift-host.local/drift"
)

// WrongValues puts in what DynamoDB cannot hold, as `how` says.
func WrongValues(item drift.Item, actions *drift.Actions) error {
	number := func(text string) error {
		number, err := drift.Num(text)
		item["v"] = number
		return err
	}
	switch item["how"] {
	case "fraction":
		item["v"] = 1.5
	case "within":
		item["v"] = drift.Map{"a": drift.List{1, 1.5}}
	case "not a number":
		item["v"] = math.NaN()
	case "infinity":
		item["v"] = math.Inf(1)
	case "empty set":
		item["v"] = drift.StringSet{}
	case "39 digits":
		return number("123456789012345678901234567890123456789")
	case "too large":
		return number("1E126")
	case "no number":
		return number("1_000")
	case "no type":
		item["v"] = struct{ a int }{1}
	case "half a pair":
		item["v"] = "a\xed\xa0\x80"
	case "key changed":
		item["Id"] = 1000
	case "key removed":
		delete(item, "Id")
	case "in an action":
		actions.Insert("Others", drift.Item{"Id": 1, "v": drift.StringSet{}}, drift.Keep)
	case "in an update":
		actions.Update(drift.UpdateExpression{Expression: "SET v = :v", Values: drift.Item{":v": drift.StringSet{}}})
	case "fine":
		item["v"] = 1
	}
	return nil
}
