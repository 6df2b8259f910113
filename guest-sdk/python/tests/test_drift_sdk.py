import json
import random
import unittest
from decimal import Decimal

from drift_sdk import Actions, DriftValueError, _actions, _draws, _wire, delete_grant, migration, run, testing


def of(function):
    return migration(number=1, name="x")(function)


class Texts(unittest.TestCase):
    def test_every_type_goes_through_the_text_of_the_contract_and_back(self):
        item = {
            "s": '😀"', "n": {"N": "1.50"}, "b": {"B": "//79"}, "t": True, "f": False, "z": None, "ss": {"SS": ["a", 'b"']},
            "ns": {"NS": ["-0.5", "1E+3"]}, "bs": {"BS": ["AA==", "AQI="]}, "m": {"M": {"l": [None, [], {"M": {}}, {"N": "2"}], 'm"': {"M": {}}}},
        }
        read, before = _wire.read_item(json.dumps(item))
        self.assertEqual(read, before)
        for name in ("ss", "ns", "bs", "m"):
            self.assertIsNot(read[name], before[name], name)
        self.assertEqual((read["n"], read["b"], read["ns"]), (Decimal("1.50"), b"\xff\xfe\xfd", {Decimal("-0.5"), Decimal(1000)}))
        written = json.loads(_wire.write_actions([_actions.Patch(read, ["x"])]))
        self.assertEqual(written, [{"patch": {"set": item, "remove": ["x"]}}])
        self.assertEqual(_wire.write_actions([_actions.Patch({}, [])]), '[{"patch":{"set":{}}}]')

    def test_a_whole_number_that_stands_as_itself_is_the_same_number(self):
        read, _ = _wire.read_item('{"n":-999999999999999,"zero":0,"l":[12,{"M":{"m":7}}]}')
        self.assertEqual(read, {"n": Decimal(-999999999999999), "zero": Decimal(0), "l": [Decimal(12), {"m": Decimal(7)}]})
        self.assertEqual({type(read["n"]), type(read["l"][0]), type(read["l"][1]["m"])}, {Decimal})

    def test_what_was_read_is_told_from_what_was_changed(self):
        text = '{"l":[{"M":{"x":1}}],"s":{"SS":["a","b"]},"n":1,"ns":{"NS":["1"]},"t":true}'

        def answer(change):
            return _wire.write_actions(of(change).call(*_wire.read_item(text)))

        def put(**values):
            return lambda item: item.update(values)

        def again(item):
            item["n"] = item.pop("n")
            item["fresh"] = None

        def renamed(item):
            item["m"] = item.pop("n")

        for nothing in (put(), put(l=[{"x": 1}]), put(n=Decimal("1.0"), s={"b", "a"}, ns={1}), lambda item: item.update(n=item.pop("n"))):
            self.assertEqual(answer(nothing), "[]")
        for change, wanted in (
            (lambda item: item["l"][0].update(x=2), '{"set":{"l":[{"M":{"x":{"N":"2"}}}]}}'),
            (lambda item: item["s"].add("c"), '{"set":{"s":{"SS":["a","b","c"]}}}'),
            (again, '{"set":{"fresh":null}}'),
            (renamed, '{"set":{"m":{"N":"1"}},"remove":["n"]}'),
            (put(t=1), '{"set":{"t":{"N":"1"}}}'),
            (put(n=True), '{"set":{"n":true}}'),
        ):
            self.assertEqual(answer(change), f'[{{"patch":{wanted}}}]')
        for wrong in ({"l": [{"x": 1.0}]}, {"ns": {True}}, {"n": Decimal("NaN")}):
            with self.assertRaises(testing.Failed):
                answer(put(**wrong))

    def test_what_is_drawn_begins_with_the_item_and_not_before(self):
        draws, begun = _draws.OfTheItem(), []
        draws._begin, begin = lambda: begun.append(begin()), draws._begin
        draws.begun = False
        first = draws.random()
        self.assertEqual((draws.begun, len(begun)), (True, 1))
        self.assertNotEqual(first, draws.random())
        draws.seed(7)
        seeded = [draws.random(), draws.randrange(10**9), draws.choice("abc")]
        other = random.Random(7)
        self.assertEqual(seeded, [other.random(), other.randrange(10**9), other.choice("abc")])
        draws.begun = False
        draws.seed(7)
        self.assertEqual(draws.random(), seeded[0])
        draws.seed()
        self.assertFalse(draws.begun)
        self.assertNotEqual(draws.random(), seeded[1])
        # A gauss is one of two that are drawn together: the other is not the next item's.
        draws.seed(7)
        draws.gauss(0, 1)
        draws.seed()
        draws._begin = lambda: draws.begun or draws.seed(7)
        self.assertEqual([draws.gauss(0, 1), draws.begun], [random.Random(7).gauss(0, 1), True])

    def test_every_action_has_its_text(self):
        actions = Actions()
        actions.insert("Claims", {"Id": 1}, "fail")
        actions.update("Claims", {"Id": 1}, "SET #n = :n", condition="a = b", names={"#n": "n"}, values={":n": None})
        actions.delete(None, {"Id": 2})
        actions.delete_this()
        key = {"Id": {"N": "1"}}
        update = {"table": "Claims", "key": key, "expression": "SET #n = :n", "condition": "a = b", "names": {"#n": "n"}, "values": {":n": None}}
        self.assertEqual(
            json.loads(_wire.write_actions(actions.list)),
            [
                {"insert": {"table": "Claims", "item": key, "existing": "fail"}},
                {"update": update},
                {"delete": {"table": None, "key": {"Id": {"N": "2"}}}},
                {"delete": {"table": None, "key": None}},
            ],
        )


class Migrations(unittest.TestCase):
    def test_what_changed_is_one_patch(self):
        def change(item):
            item["set"] = {"b", "a"}
            item["n"] = 1
            item["new"] = b"\x01"
            del item["gone"]

        before = {"Id": 1, "set": {"a", "b"}, "n": Decimal("1.0"), "gone": True, "deep": {"l": [1, {"x": None}]}}
        after, actions = testing.migrate(of(change), before)
        self.assertEqual([(action.set, action.remove) for action in actions], [({"new": b"\x01"}, ["gone"])])
        self.assertNotIn("gone", after)
        self.assertIn("gone", before)

    def test_half_of_a_surrogate_pair_is_no_text(self):
        for wrong in ({"s": "a\ud800"}, {"s": {"\udc00"}}, {"s": {"\ud800": 1}}):
            with self.assertRaisesRegex(testing.Failed, "^DriftValueError: s: .*half of a surrogate pair"):
                testing.migrate(of(lambda item: item.update(wrong)), {"Id": 1})
        self.assertEqual(testing.migrate(of(lambda item: item.update(s="😀")), {"Id": 1})[0]["s"], "😀")

    def test_of_an_endless_recursion_ten_places_are_told(self):
        def deep(item):
            deep(item)

        with self.assertRaises(testing.Failed) as failed:
            testing.migrate(of(deep), {"Id": 1})
        lines = str(failed.exception).splitlines()
        self.assertEqual((lines[0].split(":")[0], len(lines)), ("RecursionError", 11))

    def test_a_change_below_is_seen_and_true_is_not_one(self):
        def below(item):
            item["deep"]["l"][0] = "changed"

        def true(item):
            item["n"] = True

        self.assertEqual(len(testing.migrate(of(below), {"deep": {"l": [1]}})[1]), 1)
        self.assertEqual(testing.migrate(of(true), {"n": 1})[1][0].set, {"n": True})
        self.assertEqual(testing.migrate(of(lambda item: None), {"n": 1})[1], [])

    def test_what_dynamodb_cannot_hold_is_refused_by_its_name(self):
        for value in (1.5, set(), {1, "a"}, object(), {"l": [2.5]}, Decimal("NaN"), Decimal("1" * 39), Decimal("1E+126"), {1: 2}):
            with self.assertRaises(testing.Failed) as caught:
                testing.migrate(of(lambda item: item.update(price=value)), {"Id": 1})
            self.assertIn("price", str(caught.exception))
        with self.assertRaises(testing.Failed) as caught:
            testing.migrate(of(lambda item: item.update(price=0.1)), {})
        self.assertIn("Decimal('0.1')", str(caught.exception))

    def test_numbers_keep_38_digits(self):
        digits = Decimal("12345678901234567890123456789012345678")

        def plus(item):
            item["n"] += 1

        after, _ = testing.migrate(of(plus), {"n": digits})
        self.assertEqual(str(after["n"]), "12345678901234567890123456789012345679")

    def test_an_exception_has_its_place(self):
        def boom(item):
            return {}["no such key"]

        with self.assertRaises(testing.Failed) as caught:
            testing.migrate(of(boom), {})
        self.assertRegex(str(caught.exception), r"^KeyError: 'no such key'\n  at test_drift_sdk\.py:\d+ in boom$")

    def test_what_is_no_migration_is_told(self):
        async def later(item):
            pass

        def yields(item):
            yield item

        for wrong, words in ((later, "async"), (yields, "yields"), (lambda: None, "0 parameters"), (lambda a, b, c: None, "3 parameters")):
            with self.assertRaises(TypeError) as caught:
                of(wrong)
            self.assertIn(words, str(caught.exception))
        with self.assertRaises(testing.Failed) as caught:
            testing.migrate(of(lambda item: dict(item)), {"Id": 1})
        self.assertIn("returns nothing", str(caught.exception))
        for number in (0, "1", True, 1.0, 10**19):
            with self.assertRaises(ValueError):
                migration(number=number, name="x")

    def test_actions_elsewhere_and_the_run(self):
        @migration(number=1, name="x", grants=[delete_grant(None, "it is old")])
        def migrate(item, actions):
            actions.insert("Claims", {"Id": item["Id"], "mode": run.argument("mode")}, existing="fail")
            actions.update("Totals", {"Id": 1}, "ADD #n :one", names={"#n": "n"}, values={":one": 1})
            actions.delete("Old", {"Id": 1})
            actions.delete_this()

        with testing.running(mode="x"):
            after, actions = testing.migrate(migrate, {"Id": 1})
        self.assertIsNone(after)
        self.assertEqual([type(action).__name__ for action in actions], ["Insert", "Update", "Delete", "Delete"])
        self.assertEqual(actions[0].item, {"Id": Decimal(1), "mode": "x"})
        self.assertIsNone(run.argument("mode"))
        with self.assertRaises(testing.Failed):
            testing.undo(migrate, {})

    def test_a_change_of_an_item_that_goes_is_dropped_and_one_beside_an_update_is_refused(self):
        @migration(number=1, name="x")
        def goes(item, actions):
            item["v"] = 1
            actions.delete_this()

        self.assertEqual([type(action).__name__ for action in testing.migrate(goes, {"Id": 1})[1]], ["Delete"])

        @migration(number=1, name="x")
        def both(item, actions):
            item["v"] = 1
            actions.update(None, None, "SET w = :w", values={":w": 1})

        with self.assertRaisesRegex(testing.Failed, "changed .*'v'.*do one of the two"):
            testing.migrate(both, {"Id": 1})

    def test_nesting_without_end_a_missing_key_and_causes_are_said(self):
        @migration(number=1, name="x")
        def cycle(item):
            item["v"] = []
            item["v"].append(item["v"])

        with self.assertRaisesRegex(testing.Failed, r"v\[0\].*32 levels"):
            testing.migrate(cycle, {"Id": 1})
        with self.assertRaisesRegex(ValueError, "key attribute 'Id' is missing"):
            run.key_of({})

        @migration(number=1, name="x")
        def caused(item):
            try:
                item["none"]
            except KeyError as error:
                raise ValueError("reading the date") from error

        with self.assertRaisesRegex(testing.Failed, "(?s)reading the date.*caused by KeyError: 'none'"):
            testing.migrate(caused, {"Id": 1})

    def test_the_way_back(self):
        @migration(number=1, name="x")
        def there(item):
            item["b"] = item.pop("a")

        @there.undo
        def back(item):
            item["a"] = item.pop("b")

        after, _ = testing.migrate(there, {"a": 1})
        self.assertEqual(testing.undo(there, after)[0], {"a": 1})

    def test_the_error_s_type_can_be_caught(self):
        self.assertTrue(issubclass(DriftValueError, ValueError))


if __name__ == "__main__":
    unittest.main()
