"""Wildlife strikes as an old export left them, made into items that one would write today."""

from decimal import Decimal, InvalidOperation

from drift_sdk import migration

# Old name, new name; the value stays.
RENAMED = {
    "Airport Name": "airport",
    "Aircraft Make Model": "aircraft",
    "Flight Date": "flight_date",
    "Origin State": "origin_state",
    "Phase of flight": "phase_of_flight",
    "Time of day": "time_of_day",
    "Wildlife Size": "wildlife_size",
}


def operator(value):
    """`US AIRWAYS*`: the star led to a footnote that nobody has any more."""
    return known(text(value).rstrip("*"))


def species(value):
    """`Unknown bird - small` names a size, which has its own attribute, and no species."""
    species = text(value)
    for size in (" - small", " - medium", " - large"):
        species = species.removesuffix(size)
    return None if species.startswith("Unknown") else known(species)


def number(value):
    if value is None or isinstance(value, Decimal):
        return value
    digits = text(value).strip()
    try:
        return Decimal(digits) if digits else None
    except InvalidOperation:
        raise ValueError(f'"{value}" is not a decimal number') from None


def known(value):
    """None: the old value said nothing."""
    value = text(value).strip()
    return None if value in ("", "None", "Unknown") else value


def text(value):
    if not isinstance(value, str):
        raise TypeError(f"expected a string (S), found {value!r}")
    return value


# Old name, where the tidied value goes, and what makes it of the old one.
REPLACED = {
    "Aircraft Airline Operator": (["operator"], operator),
    "Effect Amount of damage": (["damage"], known),
    "Wildlife Species": (["species"], species),
    "Speed IAS in knots": (["speed_knots"], number),
    "Cost Repair": (["costs", "repair"], number),
    "Cost Other": (["costs", "other"], number),
    "Cost Total $": (["costs", "total"], number),
}


@migration(
    number=20261101,
    name="tidy-strikes",
    summary="snake_case names, exact numbers, no empty values, all costs in one map",
    repeatable=True,
)
def tidy(strike):
    for old, new in RENAMED.items():
        rename(strike, old, new)
    for old, (steps, tidied) in REPLACED.items():
        if old not in strike:
            continue
        value = strike.pop(old)
        better = within(old, tidied, value)
        # What cannot be computed back is kept.
        if as_it_was(better) != value:
            set_at(strike, ["legacy", old], value)
        if better is not None:
            set_at(strike, steps, better)


@tidy.undo
def restore(strike):
    """What was replaced comes back from `legacy`, unless it has been changed since."""
    for old, new in RENAMED.items():
        rename(strike, new, old)
    for old, (steps, tidied) in REPLACED.items():
        now, was = remove_at(strike, steps), remove_at(strike, ["legacy", old])
        if was is not None and within(old, tidied, was) == now:
            strike[old] = was
        elif now is not None:
            strike[old] = as_it_was(now)
        elif was is not None:
            strike[old] = ""
    for emptied in ("costs", "legacy"):
        if strike.get(emptied) == {}:
            del strike[emptied]


def rename(strike, old, new):
    if old not in strike:
        return
    if new in strike:
        raise ValueError(f'attribute "{old}" cannot be called "{new}": there is one of that name')
    strike[new] = strike.pop(old)


def set_at(item, steps, value):
    *above, last = steps
    for step in above:
        item = item.setdefault(step, {})
    item[last] = value


def remove_at(item, steps):
    *above, last = steps
    for step in above:
        item = item.get(step, {})
        if not isinstance(item, dict):
            return None
    return item.pop(last, None)


def as_it_was(tidied):
    """A tidied value in the old form, where everything was text."""
    return str(tidied) if isinstance(tidied, Decimal) else tidied


def within(name, tidied, value):
    try:
        return tidied(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f'attribute "{name}": {error}') from None
