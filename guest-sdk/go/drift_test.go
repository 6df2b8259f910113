package drift

import (
	"errors"
	"math"
	"strings"
	"testing"
)

func run(t *testing.T, function Function, item Item) (Item, []Action, error) {
	t.Helper()
	return Testing{}.Migrate(Migration{Number: 1, Name: "x", Migrate: function}, item)
}

func TestWhatChangedIsOnePatch(t *testing.T) {
	before := Item{"Id": 1, "keep": Map{"a": List{1, "x"}}, "set": StringSet{"a", "b"}, "n": Number("1.0"), "gone": true}
	after, actions, err := run(t, func(item Item, _ *Actions) error {
		item["set"] = StringSet{"b", "a"}
		item["n"] = 1
		item["new"] = []byte{1}
		item["keep"].(Map)["a"] = List{1, "x"}
		delete(item, "gone")
		return nil
	}, before)
	if err != nil {
		t.Fatal(err)
	}
	patch, ok := actions[0].(Patch)
	if !ok || len(actions) != 1 || len(patch.Set) != 1 || !Equal(patch.Set["new"], []byte{1}) || strings.Join(patch.Remove, ",") != "gone" {
		t.Fatalf("%#v", actions)
	}
	if after.Has("gone") || !before.Has("gone") {
		t.Fatal("the item that was handed in stays, and the one after is another")
	}
}

func TestAChangeBelowIsSeen(t *testing.T) {
	_, actions, err := run(t, func(item Item, _ *Actions) error {
		item["m"].(Map)["l"].(List)[0] = "changed"
		return nil
	}, Item{"Id": 1, "m": Map{"l": List{"as it was"}}})
	if err != nil || len(actions) != 1 {
		t.Fatalf("%v %v", actions, err)
	}
	if _, actions, err = run(t, func(Item, *Actions) error { return nil }, Item{"Id": 1}); err != nil || len(actions) != 0 {
		t.Fatalf("nothing changed, and nothing is to be done: %v %v", actions, err)
	}
}

func TestAFloatAndWhatIsNoValueAreRefusedByName(t *testing.T) {
	for name, value := range map[string]any{
		"price": 1.5, "empty": StringSet{}, "strings": []string{"a"}, "struct": struct{}{}, "deep": Map{"l": List{1, 2.5}},
		"nan": Number("12x"), "long": Number("123456789012345678901234567890123456789"),
	} {
		_, _, err := run(t, func(item Item, _ *Actions) error { item[name] = value; return nil }, Item{"Id": 1})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTextThatIsNotUTF8IsRefusedByItsPath(t *testing.T) {
	for _, wrong := range []struct {
		value any
		words string
	}{
		{"caf\xe9", `attribute "a": the string "caf\xe9" is not UTF-8`},
		{Map{"l": List{1, "\xff"}}, `attribute "a": .l: [1]: the string "\xff" is not UTF-8`},
		{StringSet{"good", "\xc3"}, `attribute "a": the string "\xc3" is not UTF-8`},
		{Map{"\xff": 1}, `attribute "a": the name "\xff" in it is not UTF-8`},
	} {
		_, _, err := run(t, func(item Item, _ *Actions) error { item["a"] = wrong.value; return nil }, Item{"Id": 1})
		if err == nil || !strings.HasPrefix(err.Error(), wrong.words) {
			t.Errorf("%v", err)
		}
	}
	_, _, err := run(t, func(item Item, _ *Actions) error { item["\xff"] = 1; return nil }, Item{"Id": 1})
	if err == nil || !strings.HasPrefix(err.Error(), `the name of the attribute "\xff" is not UTF-8`) {
		t.Error(err)
	}
	if after, _, err := run(t, func(item Item, _ *Actions) error { item["a"] = "é\x00"; return nil }, Item{"Id": 1}); err != nil || after["a"] != "é\x00" {
		t.Error(after, err)
	}
}

func TestErrorsAndPanicsAreTheItems(t *testing.T) {
	boom := errors.New("boom")
	if _, _, err := run(t, func(Item, *Actions) error { return boom }, Item{}); !errors.Is(err, boom) {
		t.Fatal(err)
	}
	_, _, err := run(t, func(Item, *Actions) error {
		var nothing map[string]int
		nothing["x"] = 1
		return nil
	}, Item{})
	if err == nil || !strings.Contains(err.Error(), "nil map") || !strings.Contains(err.Error(), "drift_test.go:") {
		t.Fatal(err)
	}
	_, err = Item{"n": Number("7")}.String("n")
	if err == nil || err.Error() != `attribute "n": expected a string (S), found the number (N) 7` {
		t.Fatal(err)
	}
}

func TestNumbersAreExact(t *testing.T) {
	for _, pair := range [][2]Number{{"1", "1.0"}, {"10E-1", "1"}, {"0", "-0.00"}, {"1E+2", "100"}, {"-12.50", "-1.25e1"}} {
		if !pair[0].Equal(pair[1]) {
			t.Errorf("%v", pair)
		}
	}
	if Number("1").Equal("-1") || Number("1").Equal("1.0000000000000000000000000000000000001") {
		t.Error("they are not equal")
	}
	if _, err := Num("1e126"); err == nil {
		t.Error("out of range")
	}
	if whole, err := Number("125.0").Int(); err != nil || whole != 125 {
		t.Error(whole, err)
	}
	if _, err := Number("1.5").Int(); err == nil {
		t.Error("it is not whole")
	}
}

func TestActionsElsewhere(t *testing.T) {
	_, actions, err := run(t, func(item Item, actions *Actions) error {
		actions.Insert("Claims", Item{"Id": 1, "n": 2}, Fail)
		actions.Update(UpdateExpression{Target: Target{Table: "Totals", Key: Item{"Id": 1}}, Expression: "ADD #n :one",
			Names: map[string]string{"#n": "n"}, Values: Item{":one": 1}})
		actions.Delete("Old", Item{"Id": 1})
		actions.DeleteThis()
		return nil
	}, Item{"Id": 1})
	if err != nil || len(actions) != 4 {
		t.Fatal(actions, err)
	}
	if put := actions[0].(Put); put.Item["n"] != Number("2") || put.Existing != Fail {
		t.Fatalf("%#v", put)
	}
	_, _, err = run(t, func(item Item, actions *Actions) error { actions.Insert("", Item{"x": 1.5}, Keep); return nil }, Item{})
	if err == nil || !strings.Contains(err.Error(), "float") {
		t.Fatal(err)
	}
}

func TestAChangeOfAnItemThatGoesIsDroppedAndOneBesideAnUpdateIsRefused(t *testing.T) {
	_, actions, err := run(t, func(item Item, actions *Actions) error {
		item["v"] = 1
		actions.DeleteThis()
		return nil
	}, Item{"Id": 1})
	if err != nil || len(actions) != 1 {
		t.Fatalf("%v %v", actions, err)
	}
	_, _, err = run(t, func(item Item, actions *Actions) error {
		item["v"] = 1
		actions.Update(UpdateExpression{Expression: "SET w = :w", Values: Item{":w": 1}})
		return nil
	}, Item{"Id": 1})
	if err == nil || !strings.Contains(err.Error(), `["v"]`) {
		t.Fatal(err)
	}
}

func TestAFloatThatIsNoNumberIsNotAdvisedToBecomeOne(t *testing.T) {
	for _, value := range []any{math.NaN(), math.Inf(-1), float32(math.Inf(1))} {
		_, _, err := run(t, func(item Item, _ *Actions) error { item["v"] = value; return nil }, Item{"Id": 1})
		if err == nil || !strings.Contains(err.Error(), "no number to DynamoDB") {
			t.Errorf("%v: %v", value, err)
		}
	}
}
