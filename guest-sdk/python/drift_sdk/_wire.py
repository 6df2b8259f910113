"""Items and actions as the contract has them: values in pre-order, children below their parents."""

from decimal import Decimal
from typing import Any, Iterator, List

from wit_world.imports import types as wit

from . import _actions as own

_EXISTING = {"keep": wit.Existing.KEEP, "replace": wit.Existing.REPLACE, "fail": wit.Existing.FAIL}


def read_item(item: wit.Item) -> dict:
    nested = iter(item.nested)
    return {attribute.name: _read(attribute.value, nested) for attribute in item.attributes}


def _read(value: Any, nested: Iterator[Any]) -> Any:
    if isinstance(value, (wit.Value_S, wit.Value_Bool)):
        return value.value
    if isinstance(value, wit.Value_N):
        return Decimal(value.value)
    if isinstance(value, wit.Value_B):
        return bytes(value.value)
    if isinstance(value, wit.Value_Null):
        return None
    if isinstance(value, wit.Value_Ss):
        return set(value.value)
    if isinstance(value, wit.Value_Ns):
        return {Decimal(number) for number in value.value}
    if isinstance(value, wit.Value_Bs):
        return {bytes(one) for one in value.value}
    if isinstance(value, wit.Value_L):
        return [_read(next(nested), nested) for _ in range(value.value)]
    return {name: _read(next(nested), nested) for name in value.value}


def write_item(item: dict) -> wit.Item:
    nested: List[Any] = []
    attributes = [wit.Attribute(name, _write(value, nested)) for name, value in item.items()]
    return wit.Item(attributes, nested)


def _write(value: Any, nested: List[Any]) -> Any:
    if isinstance(value, str):
        return wit.Value_S(value)
    if isinstance(value, bool):
        return wit.Value_Bool(value)
    if isinstance(value, Decimal):
        return wit.Value_N(str(value))
    if isinstance(value, bytes):
        return wit.Value_B(value)
    if value is None:
        return wit.Value_Null()
    if isinstance(value, set):
        one = next(iter(value))
        if isinstance(one, str):
            return wit.Value_Ss(sorted(value))
        if isinstance(one, bytes):
            return wit.Value_Bs(sorted(value))
        return wit.Value_Ns([str(number) for number in sorted(value)])
    children = value.values() if isinstance(value, dict) else value
    for child in children:
        # The child goes before what is below it.
        at = len(nested)
        nested.append(None)
        nested[at] = _write(child, nested)
    return wit.Value_M(list(value)) if isinstance(value, dict) else wit.Value_L(len(value))


def _target(table: Any, key: Any) -> Any:
    return wit.Target_This() if key is None else wit.Target_Other(wit.Address(table, write_item(key)))


def write_action(action: own.Action) -> Any:
    if isinstance(action, own.Patch):
        return wit.Action_Patch(wit.Patch(write_item(action.set), action.remove))
    if isinstance(action, own.Insert):
        return wit.Action_Insert(wit.Insert(action.table, write_item(action.item), _EXISTING[action.existing]))
    if isinstance(action, own.Update):
        names = [wit.Name(placeholder, attribute) for placeholder, attribute in action.names.items()]
        target = _target(action.table, action.key)
        return wit.Action_Update(wit.Update(target, action.expression, action.condition, names, write_item(action.values)))
    return wit.Action_Delete(_target(action.table, action.key))
