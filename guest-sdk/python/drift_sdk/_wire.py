"""Items and actions as the contract's text has them: DynamoDB JSON."""

import json
from base64 import b64decode, b64encode
from decimal import Decimal
from typing import Any, Dict, List, Optional

from . import _actions as own

# Made once: what `json.dumps` makes anew for each text.
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode

_READ = {
    "S": lambda value: value,
    "N": Decimal,
    "BOOL": lambda value: value,
    "NULL": lambda _: None,
    "B": b64decode,
    "SS": set,
    "NS": lambda values: {Decimal(value) for value in values},
    "BS": lambda values: {b64decode(value) for value in values},
    "L": lambda values: [_read(value) for value in values],
    "M": lambda values: {name: _read(value) for name, value in values.items()},
}


def read_item(text: str) -> dict:
    return {name: _read(value) for name, value in json.loads(text).items()}


def _read(described: Dict[str, Any]) -> Any:
    [(descriptor, value)] = described.items()
    return value if descriptor == "S" else _READ[descriptor](value)


def _fields(item: Optional[dict]) -> Any:
    return None if item is None else {name: _described(value) for name, value in item.items()}


def _described(value: Any) -> Dict[str, Any]:
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, Decimal):
        return {"N": str(value)}
    if isinstance(value, bytes):
        return {"B": _base64(value)}
    if value is None:
        return {"NULL": True}
    if isinstance(value, set):
        one = next(iter(value))
        if isinstance(one, str):
            return {"SS": sorted(value)}
        if isinstance(one, bytes):
            return {"BS": [_base64(one) for one in sorted(value)]}
        return {"NS": [str(number) for number in sorted(value)]}
    if isinstance(value, dict):
        return {"M": _fields(value)}
    return {"L": [_described(child) for child in value]}


def _base64(value: bytes) -> str:
    return b64encode(value).decode("ascii")


def write_actions(actions: List[own.Action]) -> str:
    return _encode([_said(action) for action in actions]) if actions else "[]"


def _said(action: own.Action) -> Dict[str, Any]:
    if isinstance(action, own.Patch):
        return {"patch": {"set": _fields(action.set), "remove": action.remove}}
    if isinstance(action, own.Insert):
        return {"insert": {"table": action.table, "item": _fields(action.item), "existing": action.existing}}
    if isinstance(action, own.Update):
        said = {"table": action.table, "key": _fields(action.key), "expression": action.expression, "condition": action.condition}
        return {"update": {**said, "names": action.names, "values": _fields(action.values)}}
    return {"delete": {"table": action.table, "key": _fields(action.key)}}
