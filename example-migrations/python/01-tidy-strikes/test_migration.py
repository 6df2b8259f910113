import csv
import pathlib
import unittest
from decimal import Decimal

from drift_sdk import testing

from migration import tidy

DATA = pathlib.Path(__file__).parents[2] / "data" / "birdstrikes.csv"


def la_guardia():
    """A real one: an operator with a star, no speed, damage and no money."""
    return {
        "Id": Decimal(24), "Airport Name": "LAGUARDIA NY", "Aircraft Make Model": "B-737-400", "Effect Amount of damage": "Substantial",
        "Flight Date": "1990-04-07", "Aircraft Airline Operator": "US AIRWAYS*", "Origin State": "New York",
        "Phase of flight": "Take-off run", "Wildlife Size": "Large", "Wildlife Species": "Canada goose", "Time of day": "Day",
        "Cost Other": "0", "Cost Repair": "0", "Cost Total $": "0", "Speed IAS in knots": "",
    }  # fmt: skip


class TidyStrikes(unittest.TestCase):
    def test_a_messy_strike_becomes_a_tidy_one(self):
        after, _ = testing.migrate(tidy, la_guardia())
        expected = {
            "Id": 24, "airport": "LAGUARDIA NY", "aircraft": "B-737-400", "damage": "Substantial", "flight_date": "1990-04-07",
            "operator": "US AIRWAYS", "origin_state": "New York", "phase_of_flight": "Take-off run", "wildlife_size": "Large",
            "species": "Canada goose", "time_of_day": "Day", "costs": {"other": 0, "repair": 0, "total": 0},
            "legacy": {"Aircraft Airline Operator": "US AIRWAYS*", "Speed IAS in knots": ""},
        }  # fmt: skip
        self.assertEqual(after, expected)

    def test_what_says_nothing_goes_and_size_is_no_species(self):
        after, _ = testing.migrate(tidy, {"Id": 1, "Effect Amount of damage": "None", "Wildlife Species": "Unknown bird - small"})
        self.assertEqual(set(after), {"Id", "legacy"})
        after, _ = testing.migrate(tidy, {"Id": 1, "Wildlife Species": "Gull - medium"})
        self.assertEqual(after["species"], "Gull")

    def test_every_one_of_the_ten_thousand_comes_back_exactly_and_is_tidied_once(self):
        with open(DATA, newline="", encoding="utf-8") as file:
            strikes = [{"Id": Decimal(at), **row} for at, row in enumerate(csv.DictReader(file), 1)]
        self.assertEqual(len(strikes), 10_000)
        for strike in strikes:
            after, _ = testing.migrate(tidy, strike)
            self.assertEqual(testing.migrate(tidy, after)[1], [])
            self.assertEqual(testing.undo(tidy, after)[0], strike)

    def test_what_was_changed_since_survives_the_undo(self):
        after, _ = testing.migrate(tidy, la_guardia())
        after |= {"operator": "US AIRWAYS GROUP", "speed_knots": 130}
        after["costs"]["repair"] = 1500
        expected = la_guardia() | {"Cost Repair": "1500", "Aircraft Airline Operator": "US AIRWAYS GROUP", "Speed IAS in knots": "130"}
        self.assertEqual(testing.undo(tidy, after)[0], expected)

    def test_a_cost_that_is_no_number_is_that_items_error_and_names_the_attribute(self):
        with self.assertRaisesRegex(testing.Failed, '^ValueError: attribute "Cost Repair": "ca. 500" is not a decimal number\n'):
            testing.migrate(tidy, {"Id": 1, "Cost Repair": "ca. 500"})


if __name__ == "__main__":
    unittest.main()
