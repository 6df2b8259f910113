"""Items and actions as the contract's text has them: JSON, in which an object is always one of DynamoDB's descriptors.

What `json` makes in C of most values is the value itself, and what is done here for every attribute of every item is little: in CPython that
is most of the cost.
"""

import json
from base64 import b64decode, b64encode
from decimal import Decimal
from json.encoder import encode_basestring as _quoted
from typing import Any, Dict, List, Optional, Tuple

from . import _actions as own

# Without what `json.loads` looks for around a text, for some 15 % of its time.
_parsed = json.JSONDecoder(parse_int=Decimal).scan_once

_READ = {
    "N": Decimal,
    "B": b64decode,
    "SS": set,
    "NS": lambda values: {Decimal(value) for value in values},
    "BS": lambda values: {b64decode(value) for value in values},
    "M": lambda values: {name: _read(value) for name, value in values.items()},
}
#: Of what is read, what cannot be changed.
_FIXED = (Decimal, bytes)


def read_item(text: str) -> Tuple[dict, dict]:
    """The item for its migration to change, and what it is compared with: the very same values where they cannot be changed."""
    item, _ = _parsed(text, 0)
    apart = {}
    for name, value in item.items():
        kind = type(value)
        if kind is dict or kind is list:
            item[name] = read = _read(value)
            if type(read) not in _FIXED:
                apart[name] = _read(value)
    return item, {**item, **apart}


def _read(value: Any) -> Any:
    if type(value) is list:
        return [_read(child) for child in value]
    if type(value) is not dict:
        return value
    [(descriptor, inner)] = value.items()
    return _READ[descriptor](inner)


def _fields(item: Dict[str, Any]) -> str:
    return "{" + ",".join([f"{_quoted(name)}:{_text(value)}" for name, value in item.items()]) + "}"


def _text(value: Any) -> str:
    if isinstance(value, str):
        return _quoted(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f'{{"N":"{value}"}}'
    if isinstance(value, dict):
        return f'{{"M":{_fields(value)}}}'
    if isinstance(value, bytes):
        return f'{{"B":{_base64(value)}}}'
    if isinstance(value, set):
        one = next(iter(value))
        if isinstance(one, str):
            return f'{{"SS":{_list(_quoted, value)}}}'
        if isinstance(one, bytes):
            return f'{{"BS":{_list(_base64, value)}}}'
        return f'{{"NS":{_list(lambda number: _quoted(str(number)), value)}}}'
    return "[" + ",".join([_text(child) for child in value]) + "]"


def _list(written: Any, values: Any) -> str:
    return "[" + ",".join([written(value) for value in sorted(values)]) + "]"


def _base64(value: bytes) -> str:
    return f'"{b64encode(value).decode("ascii")}"'


def write_actions(actions: List[own.Action]) -> str:
    return "[" + ",".join([_said(action) for action in actions]) + "]"


def _said(action: own.Action) -> str:
    if isinstance(action, own.Patch):
        remove = f',"remove":{json.dumps(action.remove)}' if action.remove else ""
        return f'{{"patch":{{"set":{_fields(action.set)}{remove}}}}}'
    if isinstance(action, own.Insert):
        table = json.dumps(action.table)
        return f'{{"insert":{{"table":{table},"item":{_fields(action.item)},"existing":"{action.existing}"}}}}'
    key = "null" if action.key is None else _fields(action.key)
    where = f'{{"table":{json.dumps(action.table)},"key":{key}'
    if isinstance(action, own.Delete):
        return f'{{"delete":{where}}}}}'
    what = {"expression": action.expression, "condition": action.condition, "names": action.names}
    return f'{{"update":{where},{json.dumps(what)[1:-1]},"values":{_fields(action.values)}}}}}'
