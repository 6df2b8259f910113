"""Values: what may be put into an item, made equal to what is read from one."""

import decimal
import math
from decimal import Decimal
from typing import Any, Dict

# DynamoDB keeps 38 significant digits; Python's reckoning would keep 28.
decimal.getcontext().prec = 38

Item = Dict[str, Any]
_SMALLEST, _LARGEST = -130, 125
#: Lists and maps nest at most this deep; the host knows to the level, this keeps from an endless descent.
_DEEPEST = 32


class DriftValueError(ValueError):
    """A value that DynamoDB has no type for, or cannot hold, with the path to it."""


def number(value: Any, path: str) -> Decimal:
    """A number as DynamoDB can hold it."""
    if isinstance(value, Decimal):
        found = value
    else:
        found = Decimal(int(value))
    if not found.is_finite():
        raise DriftValueError(f"{path}: {found} is no number to DynamoDB")
    digits = "".join(map(str, found.as_tuple().digits)).strip("0")
    if len(digits) > 38:
        raise DriftValueError(f"{path}: {found} has more than 38 significant digits, which is what DynamoDB keeps")
    if digits and not _SMALLEST <= found.adjusted() <= _LARGEST:
        raise DriftValueError(f"{path}: {found} is outside of DynamoDB's range (1E-130 to 9.99E+125, and zero)")
    return found


def normal(value: Any, path: str, level: int = 1) -> Any:
    """A value as it would be read, and apart from the one given."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value, path)
    if isinstance(value, (int, Decimal)):
        return number(value, path)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise DriftValueError(f"{path}: the float {value!r} is no number to DynamoDB")
        raise DriftValueError(f"{path}: the float {value!r} is not exact: give Decimal('{value!r}')")
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, (set, frozenset)):
        return _set(value, path)
    if isinstance(value, (list, tuple, dict)):
        if level > _DEEPEST:
            raise DriftValueError(f"{path}: nested deeper than DynamoDB's {_DEEPEST} levels")
        if isinstance(value, dict):
            return fields(value, path, level + 1)
        return [normal(child, f"{path}[{at}]", level + 1) for at, child in enumerate(value)]
    raise DriftValueError(
        f"{path}: a {type(value).__name__} is none of DynamoDB's types: str, Decimal, int, bytes, bool, None, set, list or dict"
    )


def _text(value: str, path: str) -> str:
    # ASCII is known to be, at no cost.
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise DriftValueError(f"{path}: {value!r} has half of a surrogate pair in it, which is no text to DynamoDB") from None
    return value


def fields(values: Any, path: str = "", level: int = 1) -> Item:
    """An item, or the content of a map."""
    for name in values:
        if not isinstance(name, str):
            raise DriftValueError(f"{path or 'the item'}: the name {name!r} is a {type(name).__name__}; names are str")
        _text(name, f"{path or 'the item'}: a name")
    return {name: normal(value, f"{path}.{name}" if path else name, level) for name, value in values.items()}


def copied(value: Any) -> Any:
    """A value as it was read, apart from the one given; what cannot be changed is the very same."""
    if isinstance(value, dict):
        return {name: copied(child) for name, child in value.items()}
    if isinstance(value, list):
        return [copied(child) for child in value]
    return set(value) if isinstance(value, set) else value


def untouched(before: Any, value: Any) -> bool:
    """Whether a value is what was read, all that is in it by type and value: then it need not be made normal to be compared."""
    kind = type(before)
    if type(value) is not kind:
        return False
    if kind is dict:
        return before.keys() == value.keys() and all([untouched(child, value[name]) for name, child in before.items()])
    if kind is list:
        return len(before) == len(value) and all([untouched(child, value[at]) for at, child in enumerate(before)])
    if kind is set:
        return bool(before == value) and {type(one) for one in before} == {type(one) for one in value}
    if kind is Decimal and not value.is_finite():
        return False
    return bool(before == value)


def _set(values: Any, path: str) -> Any:
    if not values:
        raise DriftValueError(f"{path}: a set must not be empty; remove the attribute instead")
    each = [normal(value, path) for value in values]
    kinds = {type(value) for value in each}
    if len(kinds) != 1 or not kinds <= {str, Decimal, bytes}:
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise DriftValueError(f"{path}: a set is of str, of numbers or of bytes; this one has {names}")
    return set(each)


def same(a: Any, b: Any) -> bool:
    """DynamoDB's equality, of values made normal: by type and value (to Python, True is 1)."""
    if type(a) is not type(b):
        return False
    if isinstance(a, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(value, b[name]) for name, value in a.items())
    return bool(a == b)
