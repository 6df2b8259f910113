package drift

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"slices"
	"unicode/utf8"
)

// Item is an item: attributes by name. A value is
//
//	string       S
//	Number       N; an int, of any size, may be put in for one
//	[]byte       B
//	bool         BOOL
//	nil          NULL
//	StringSet, NumberSet, BinarySet    SS, NS, BS
//	List         L; []any may be put in for one
//	Map          M; map[string]any may be put in for one
//
// A float is refused: it is not exact.
type Item map[string]any

// Map is a map within an item.
type Map map[string]any

// List is a list within an item.
type List []any

// StringSet is a set of strings; the order has no meaning.
type StringSet []string

// NumberSet is a set of numbers; the order has no meaning.
type NumberSet []Number

// BinarySet is a set of binaries; the order has no meaning.
type BinarySet [][]byte

// String is the string of this name; an error if it is missing, or of another type.
func (i Item) String(name string) (string, error) { return get[string](i, name, "a string (S)") }

// Number is the number of this name; an error if it is missing, or of another type.
func (i Item) Number(name string) (Number, error) { return get[Number](i, name, "a number (N)") }

// Bool is the boolean of this name; an error if it is missing, or of another type.
func (i Item) Bool(name string) (bool, error) { return get[bool](i, name, "a boolean (BOOL)") }

// Map is the map of this name; an error if it is missing, or of another type.
func (i Item) Map(name string) (Map, error) { return get[Map](i, name, "a map (M)") }

// List is the list of this name; an error if it is missing, or of another type.
func (i Item) List(name string) (List, error) { return get[List](i, name, "a list (L)") }

// Has says whether there is such an attribute, be it null.
func (i Item) Has(name string) bool {
	_, has := i[name]
	return has
}

// Rename gives an attribute another name; false if there is none. It is an error if the other name is taken.
func (i Item) Rename(from, to string) (bool, error) {
	value, has := i[from]
	if !has || from == to {
		return has, nil
	}
	if i.Has(to) {
		return false, fmt.Errorf("attribute %q cannot be called %q: there is one of that name", from, to)
	}
	delete(i, from)
	i[to] = value
	return true, nil
}

func get[T any](item Item, name, wanted string) (T, error) {
	value, has := item[name]
	if found, ok := value.(T); ok {
		return found, nil
	}
	var none T
	if !has {
		return none, fmt.Errorf("attribute %q: expected %s, but there is none", name, wanted)
	}
	if normalised, err := normal(value); err == nil {
		if found, ok := normalised.(T); ok {
			return found, nil
		}
	}
	return none, fmt.Errorf("attribute %q: expected %s, found %s", name, wanted, describe(value))
}

func describe(value any) string {
	switch value := value.(type) {
	case nil:
		return "null (NULL)"
	case string:
		return fmt.Sprintf("the string (S) %q", short(value))
	case Number:
		return "the number (N) " + string(value)
	case bool:
		return fmt.Sprintf("the boolean (BOOL) %t", value)
	case []byte:
		return "a binary (B)"
	case List, []any:
		return "a list (L)"
	case Map, map[string]any:
		return "a map (M)"
	case StringSet, NumberSet, BinarySet:
		return "a set"
	}
	return fmt.Sprintf("a %T", value)
}

func short(text string) string {
	runes := []rune(text)
	if len(runes) > 40 {
		return string(runes[:40]) + "…"
	}
	return text
}

// apart gives an item as it was read once more; what can be changed of it is another.
func (i Item) apart() Item {
	made := make(Item, len(i))
	for name, value := range i {
		made[name] = apart(value)
	}
	return made
}

func apart(value any) any {
	switch value := value.(type) {
	case []byte:
		return bytes.Clone(value)
	case StringSet:
		return slices.Clone(value)
	case NumberSet:
		return slices.Clone(value)
	case BinarySet:
		made := make(BinarySet, len(value))
		for at, one := range value {
			made[at] = bytes.Clone(one)
		}
		return made
	case List:
		made := make(List, len(value))
		for at, child := range value {
			made[at] = apart(child)
		}
		return made
	case Map:
		made := make(Map, len(value))
		for name, child := range value {
			made[name] = apart(child)
		}
		return made
	}
	return value
}

func (i Item) copy() (Item, error) {
	copied := make(Item, len(i))
	for name, value := range i {
		value, err := attribute(name, value)
		if err != nil {
			return nil, err
		}
		copied[name] = value
	}
	return copied, nil
}

// attribute gives the value of an attribute as it would be read.
func attribute(name string, value any) (any, error) {
	if !utf8.ValidString(name) {
		return nil, fmt.Errorf("the name of the attribute %q is not UTF-8, which a name is to DynamoDB", name)
	}
	value, err := normal(value)
	if err != nil {
		return nil, fmt.Errorf("attribute %q: %w", name, err)
	}
	return value, nil
}

// normal gives a value as it would be read: of the types that Item lists, and apart from the one given.
func normal(value any) (any, error) {
	switch value := value.(type) {
	case string:
		return text(value)
	case nil, bool:
		return value, nil
	case Number:
		return Num(string(value))
	case int:
		return Number(fmt.Sprint(value)), nil
	case int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		return Number(fmt.Sprint(value)), nil
	case float32:
		return normal(float64(value))
	case float64:
		if math.IsNaN(value) || math.IsInf(value, 0) {
			return nil, fmt.Errorf("the float %v is no number to DynamoDB", value)
		}
		return nil, fmt.Errorf("the float %v is not exact: give a drift.Number, drift.MustNum(\"%v\")", value, value)
	case []byte:
		return bytes.Clone(append([]byte{}, value...)), nil
	case StringSet:
		return set(value, text)
	case []string:
		return nil, fmt.Errorf("a []string is a list or a set: say drift.StringSet(…), or drift.List{…}")
	case NumberSet:
		return set(value, func(number Number) (Number, error) { return Num(string(number)) })
	case BinarySet:
		return set(value, func(one []byte) ([]byte, error) { return bytes.Clone(one), nil })
	case List:
		return list(value)
	case []any:
		return list(value)
	case Map:
		return fields(value)
	case map[string]any:
		return fields(value)
	case Item:
		return fields(value)
	}
	return nil, fmt.Errorf("a %T is none of DynamoDB's types: string, drift.Number, an int, []byte, bool, nil, a set, drift.List or drift.Map", value)
}

// text checks what is to be a string of DynamoDB's.
func text(value string) (string, error) {
	if utf8.ValidString(value) {
		return value, nil
	}
	return "", fmt.Errorf("the string %q is not UTF-8: put bytes in as a []byte (B), or repair it with strings.ToValidUTF8", value[:min(len(value), 40)])
}

func set[S ~[]T, T any](from S, each func(T) (T, error)) (any, error) {
	if len(from) == 0 {
		return nil, fmt.Errorf("a set must not be empty; remove the attribute instead")
	}
	copied := make(S, len(from))
	for at, one := range from {
		one, err := each(one)
		if err != nil {
			return nil, err
		}
		copied[at] = one
	}
	return copied, nil
}

func list(from []any) (any, error) {
	copied := make(List, len(from))
	for at, value := range from {
		value, err := normal(value)
		if err != nil {
			return nil, fmt.Errorf("[%d]: %w", at, err)
		}
		copied[at] = value
	}
	return copied, nil
}

func fields(from map[string]any) (any, error) {
	copied := make(Map, len(from))
	for name, value := range from {
		if !utf8.ValidString(name) {
			return nil, fmt.Errorf("the name %q in it is not UTF-8, which a name is to DynamoDB", name)
		}
		value, err := normal(value)
		if err != nil {
			return nil, fmt.Errorf(".%s: %w", name, err)
		}
		copied[name] = value
	}
	return copied, nil
}

// Equal says whether two values are one to DynamoDB: numbers by value, sets whatever their order.
func Equal(a, b any) bool {
	a, errA := normal(a)
	b, errB := normal(b)
	return errA == nil && errB == nil && same(a, b)
}

func same(a, b any) bool {
	switch a := a.(type) {
	case Number:
		b, ok := b.(Number)
		return ok && a.Equal(b)
	case []byte:
		b, ok := b.([]byte)
		return ok && bytes.Equal(a, b)
	case StringSet:
		b, ok := b.(StringSet)
		return ok && unordered(a, b, func(x, y string) bool { return x == y })
	case NumberSet:
		b, ok := b.(NumberSet)
		return ok && unordered(a, b, Number.Equal)
	case BinarySet:
		b, ok := b.(BinarySet)
		return ok && unordered(a, b, bytes.Equal)
	case List:
		b, ok := b.(List)
		return ok && slices.EqualFunc(a, b, same)
	case Map:
		b, ok := b.(Map)
		return ok && maps.EqualFunc(a, b, same)
	default:
		switch b.(type) {
		case nil, string, bool:
			return a == b
		}
		return false
	}
}

// untouched says whether a value is the one that was read, to the letter: then it need not be made normal to be compared.
func untouched(before, value any) bool {
	switch before := before.(type) {
	case string:
		value, ok := value.(string)
		return ok && before == value
	case Number:
		value, ok := value.(Number)
		return ok && before == value
	case bool:
		value, ok := value.(bool)
		return ok && before == value
	case nil:
		return value == nil
	case List:
		value, ok := value.(List)
		return ok && slices.EqualFunc(before, value, untouched)
	case Map:
		value, ok := value.(Map)
		return ok && maps.EqualFunc(before, value, untouched)
	}
	return false
}

func unordered[T any](a, b []T, equal func(T, T) bool) bool {
	within := func(some, others []T) bool {
		for _, one := range some {
			if !slices.ContainsFunc(others, func(other T) bool { return equal(one, other) }) {
				return false
			}
		}
		return true
	}
	return len(a) == len(b) && within(a, b) && within(b, a)
}
