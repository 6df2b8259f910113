package cases

import (
	"math/big"

	"drift-host.local/drift"
)

// Numbers reckons with the numbers `a` and `b`.
func Numbers(item drift.Item, _ *drift.Actions) error {
	a, err := item.Number("a")
	if err != nil {
		return err
	}
	b, err := item.Number("b")
	if err != nil {
		return err
	}
	x, err := a.Rat()
	if err != nil {
		return err
	}
	y, err := b.Rat()
	if err != nil {
		return err
	}
	switch item["how"] {
	case "equal":
		item["result"] = a.Equal("1.0") && a.Equal("10E-1") && a.Equal("0.1E1") && !a.Equal(b)
	case "order":
		item["result"] = x.Cmp(y) < 0
	case "whole":
		whole, err := a.Int()
		if err != nil {
			return err
		}
		item["result"] = whole + 1
	case "sum":
		sum, err := drift.Num(new(big.Rat).Add(x, y).FloatString(1))
		if err != nil {
			return err
		}
		item["result"] = sum
	case "text":
		item["result"] = string(a)
	}
	return nil
}
