// Wildlife strikes as an old export left them, made into items that one would write today.
package main

import (
	"fmt"
	"strings"

	"drift-host.local/drift"
)

// Old name, new name; the value stays.
var renamed = [][2]string{
	{"Airport Name", "airport"},
	{"Aircraft Make Model", "aircraft"},
	{"Flight Date", "flight_date"},
	{"Origin State", "origin_state"},
	{"Phase of flight", "phase_of_flight"},
	{"Time of day", "time_of_day"},
	{"Wildlife Size", "wildlife_size"},
}

// Old name, where the tidied value goes (within a map, or not), and what makes it of the old one; nil: the old value said
// nothing.
var replaced = []struct {
	old, within, name string
	tidied            func(any) (any, error)
}{
	{"Aircraft Airline Operator", "", "operator", operator},
	{"Effect Amount of damage", "", "damage", known},
	{"Wildlife Species", "", "species", species},
	{"Speed IAS in knots", "", "speed_knots", number},
	{"Cost Repair", "costs", "repair", number},
	{"Cost Other", "costs", "other", number},
	{"Cost Total $", "costs", "total", number},
}

var migration = drift.Migration{
	Number:     20261101,
	Name:       "tidy-strikes",
	Summary:    "snake_case names, exact numbers, no empty values, all costs in one map",
	Repeatable: true,
	Migrate:    tidy,
	Undo:       restore,
}

func init() { drift.Register(migration) }

func main() {}

func tidy(strike drift.Item, _ *drift.Actions) error {
	for _, names := range renamed {
		if _, err := strike.Rename(names[0], names[1]); err != nil {
			return err
		}
	}
	for _, one := range replaced {
		value, has := strike[one.old]
		if !has {
			continue
		}
		delete(strike, one.old)
		better, err := one.tidied(value)
		if err != nil {
			return fmt.Errorf("attribute %q: %w", one.old, err)
		}
		// What cannot be computed back is kept.
		if better == nil || !drift.Equal(asItWas(better), value) {
			put(strike, "legacy", one.old, value)
		}
		if better != nil {
			put(strike, one.within, one.name, better)
		}
	}
	return nil
}

// restore brings what was replaced back from `legacy`, unless it has been changed since.
func restore(strike drift.Item, _ *drift.Actions) error {
	for _, names := range renamed {
		if _, err := strike.Rename(names[1], names[0]); err != nil {
			return err
		}
	}
	for _, one := range replaced {
		now, isNow := take(strike, one.within, one.name)
		was, isKept := take(strike, "legacy", one.old)
		if isKept {
			again, err := one.tidied(was)
			if err != nil {
				return fmt.Errorf("attribute %q: %w", one.old, err)
			}
			if isNow == (again != nil) && (!isNow || drift.Equal(again, now)) {
				strike[one.old] = was
				continue
			}
		}
		switch {
		case isNow:
			strike[one.old] = asItWas(now)
		case isKept:
			strike[one.old] = ""
		}
	}
	for _, emptied := range []string{"costs", "legacy"} {
		if inner, is := strike[emptied].(drift.Map); is && len(inner) == 0 {
			delete(strike, emptied)
		}
	}
	return nil
}

// put sets a value, within a map if that has a name.
func put(strike drift.Item, within, name string, value any) {
	if within == "" {
		strike[name] = value
		return
	}
	inner, is := strike[within].(drift.Map)
	if !is {
		inner = drift.Map{}
		strike[within] = inner
	}
	inner[name] = value
}

// take is the other way: it gives what was there, and removes it.
func take(strike drift.Item, within, name string) (value any, has bool) {
	from := map[string]any(strike)
	if within != "" {
		inner, _ := strike[within].(drift.Map)
		from = inner
	}
	value, has = from[name]
	delete(from, name)
	return value, has
}

// asItWas is a tidied value in the old form, where everything was text.
func asItWas(tidied any) any {
	if number, is := tidied.(drift.Number); is {
		return string(number)
	}
	return tidied
}

// operator: the star of `US AIRWAYS*` led to a footnote that nobody has any more.
func operator(value any) (any, error) {
	text, err := textOf(value)
	if err != nil {
		return nil, err
	}
	return known(strings.TrimRight(text, "*"))
}

// species: `Unknown bird - small` names a size, which has its own attribute, and no species.
func species(value any) (any, error) {
	text, err := textOf(value)
	if err != nil {
		return nil, err
	}
	for _, size := range []string{" - small", " - medium", " - large"} {
		text = strings.TrimSuffix(text, size)
	}
	if strings.HasPrefix(text, "Unknown") {
		return nil, nil
	}
	return known(text)
}

func number(value any) (any, error) {
	if number, is := value.(drift.Number); is || value == nil {
		if value == nil {
			return nil, nil
		}
		return number, nil
	}
	text, err := textOf(value)
	if err != nil || strings.TrimSpace(text) == "" {
		return nil, err
	}
	number, err := drift.Num(strings.TrimSpace(text))
	if err != nil {
		return nil, err
	}
	return number, nil
}

func known(value any) (any, error) {
	text, err := textOf(value)
	if err != nil {
		return nil, err
	}
	switch text = strings.TrimSpace(text); text {
	case "", "None", "Unknown":
		return nil, nil
	}
	return text, nil
}

func textOf(value any) (string, error) {
	text, is := value.(string)
	if !is {
		return "", fmt.Errorf("expected a string (S), found a %T", value)
	}
	return text, nil
}
