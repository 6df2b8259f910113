"""What componentize-py makes the component of: the author's `migration.py`, behind the contract."""

from componentize_py_types import Err
from wit_world.imports import types as wit

from drift_sdk import _draws, _migration, _wire

# Before the author's module takes functions out of `random`.
_DRAWS = _draws.begun_with_items()

import migration as author  # noqa: E402

_FOUND = [value for value in vars(author).values() if isinstance(value, _migration.Migration)]
if len({id(value) for value in _FOUND}) != 1:
    raise SystemExit(f"migration.py has {len(_FOUND)} migrations; a component is one: a function with @migration(…)")
_MIGRATION = _FOUND[0]
_ACCESS = {"insert": wit.Access.INSERT, "update": wit.Access.UPDATE, "delete": wit.Access.DELETE}


class WitWorld:
    def describe(self) -> wit.Description:
        # Every component of Python exports `undo`; the host goes by this.
        extra = dict(_MIGRATION.extra) if _MIGRATION.has_undo() else {**_MIGRATION.extra, "undo": "none"}
        return wit.Description(
            number=str(_MIGRATION.number),
            name=_MIGRATION.name,
            summary=_MIGRATION.summary,
            repeatable=_MIGRATION.repeatable,
            after=[str(number) for number in _MIGRATION.after],
            grants=[wit.Grant(_ACCESS[access], table, why) for access, table, why in _MIGRATION.grants],
            extra=list(extra.items()),
        )

    def migrate_json(self, item: str) -> str:
        return _answer(item, False)

    def undo_json(self, item: str) -> str:
        return _answer(item, True)


def _answer(item: str, back: bool) -> str:
    _DRAWS.seed()
    read, before = _wire.read_item(item)
    try:
        return _wire.write_actions(_MIGRATION.call(read, before, back))
    except _migration.Failed as failed:
        raise Err(str(failed)) from None
