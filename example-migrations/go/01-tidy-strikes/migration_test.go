package main

import (
	"encoding/csv"
	"os"
	"testing"

	"drift-host.local/drift"
)

func everyStrike(t *testing.T) []drift.Item {
	file, err := os.Open("../../data/birdstrikes.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var strikes []drift.Item
	for at, row := range rows[1:] {
		strike := drift.Item{"Id": at + 1}
		for column, name := range rows[0] {
			strike[name] = row[column]
		}
		strikes = append(strikes, strike)
	}
	return strikes
}

// laGuardia is a real one: an operator with a star, no speed, damage and no money.
func laGuardia() drift.Item {
	return drift.Item{
		"Id": 24, "Airport Name": "LAGUARDIA NY", "Aircraft Make Model": "B-737-400", "Effect Amount of damage": "Substantial",
		"Flight Date": "1990-04-07", "Aircraft Airline Operator": "US AIRWAYS*", "Origin State": "New York",
		"Phase of flight": "Take-off run", "Wildlife Size": "Large", "Wildlife Species": "Canada goose", "Time of day": "Day",
		"Cost Other": "0", "Cost Repair": "0", "Cost Total $": "0", "Speed IAS in knots": "",
	}
}

func migrated(t *testing.T, item drift.Item) drift.Item {
	t.Helper()
	after, _, err := drift.Testing{}.Migrate(migration, item)
	if err != nil {
		t.Fatal(err)
	}
	return after
}

func undone(t *testing.T, item drift.Item) drift.Item {
	t.Helper()
	after, _, err := drift.Testing{}.Undo(migration, item)
	if err != nil {
		t.Fatal(err)
	}
	return after
}

func equal(t *testing.T, found, wanted drift.Item) {
	t.Helper()
	if !drift.Equal(found, wanted) {
		t.Fatalf("found  %v\nwanted %v", found, wanted)
	}
}

func TestAMessyStrikeBecomesATidyOne(t *testing.T) {
	equal(t, migrated(t, laGuardia()), drift.Item{
		"Id": 24, "airport": "LAGUARDIA NY", "aircraft": "B-737-400", "damage": "Substantial", "flight_date": "1990-04-07",
		"operator": "US AIRWAYS", "origin_state": "New York", "phase_of_flight": "Take-off run", "wildlife_size": "Large",
		"species": "Canada goose", "time_of_day": "Day", "costs": drift.Map{"other": 0, "repair": 0, "total": 0},
		"legacy": drift.Map{"Aircraft Airline Operator": "US AIRWAYS*", "Speed IAS in knots": ""},
	})
}

func TestWhatSaysNothingGoesAndSizeIsNoSpecies(t *testing.T) {
	equal(t, migrated(t, drift.Item{"Id": 1, "Effect Amount of damage": "None", "Wildlife Species": "Unknown bird - small"}), drift.Item{
		"Id": 1, "legacy": drift.Map{"Effect Amount of damage": "None", "Wildlife Species": "Unknown bird - small"},
	})
	if species := migrated(t, drift.Item{"Id": 1, "Wildlife Species": "Gull - medium"})["species"]; species != "Gull" {
		t.Fatal(species)
	}
}

func TestEveryOneOfTheTenThousandComesBackExactlyAndIsTidiedOnce(t *testing.T) {
	strikes := everyStrike(t)
	if len(strikes) != 10_000 {
		t.Fatal(len(strikes))
	}
	for _, strike := range strikes {
		after := migrated(t, strike)
		if _, actions, err := (drift.Testing{}).Migrate(migration, after); err != nil || len(actions) > 0 {
			t.Fatal(after, actions, err)
		}
		equal(t, undone(t, after), strike)
	}
}

func TestWhatWasChangedSinceSurvivesTheUndo(t *testing.T) {
	after := migrated(t, laGuardia())
	after["operator"], after["speed_knots"] = "US AIRWAYS GROUP", 130
	after["costs"].(drift.Map)["repair"] = 1500
	expected := laGuardia()
	expected["Cost Repair"], expected["Aircraft Airline Operator"], expected["Speed IAS in knots"] = "1500", "US AIRWAYS GROUP", "130"
	equal(t, undone(t, after), expected)
}

func TestACostThatIsNoNumberIsThatItemsErrorAndNamesTheAttribute(t *testing.T) {
	_, _, err := drift.Testing{}.Migrate(migration, drift.Item{"Id": 1, "Cost Repair": "ca. 500"})
	if err == nil || err.Error() != `attribute "Cost Repair": "ca. 500" is not a decimal number` {
		t.Fatal(err)
	}
}
