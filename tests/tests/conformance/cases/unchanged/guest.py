"""Each value is put in anew, equal to what was read: numbers written otherwise, maps in another order."""

from decimal import Decimal


def migrate(item, actions):
    for name in list(item):
        item[name] = anew(item[name])


def anew(value):
    if isinstance(value, Decimal):
        # With a zero more, which has no meaning.
        return value.quantize(Decimal(1).scaleb(value.as_tuple().exponent - 1))
    if isinstance(value, bytes):
        return bytearray(value)
    if isinstance(value, set):
        return frozenset(anew(one) if isinstance(one, Decimal) else one for one in value)
    if isinstance(value, list):
        return tuple(anew(child) for child in value)
    if isinstance(value, dict):
        return {name: anew(child) for name, child in reversed(value.items())}
    return value
