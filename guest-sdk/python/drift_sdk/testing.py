"""Migrations in unit tests, without a component."""

import contextlib
from typing import Dict, Iterator, List, Optional, Tuple

from ._actions import Action, Delete, Patch
from ._migration import Failed, Migration
from ._run import run
from ._values import Item, copied, fields

__all__ = ["Failed", "migrate", "running", "undo"]


def migrate(migration: Migration, item: Item) -> Tuple[Optional[Item], List[Action]]:
    """The item as its patch leaves it (None if it is deleted), and all actions. Raises `Failed` with the item's error."""
    return _call(migration, item, False)


def undo(migration: Migration, item: Item) -> Tuple[Optional[Item], List[Action]]:
    """The same of the way back."""
    return _call(migration, item, True)


@contextlib.contextmanager
def running(
    table: str = "Table", key_attributes: Tuple[str, ...] = ("Id",), started_at: str = "2026-01-01T00:00:00Z", **arguments: str
) -> Iterator[None]:
    """Sets what the migration is told of its run: `with running(mode="x"): …`."""
    before: Dict[str, object] = dict(run.__dict__)
    run.__dict__.update(_table=table, _key_attributes=list(key_attributes), _started_at=started_at, _arguments=arguments)
    try:
        yield
    finally:
        run.__dict__.update(before)


def _call(migration: Migration, item: Item, back: bool) -> Tuple[Optional[Item], List[Action]]:
    read = fields(item)
    actions = migration.call(copied(read), read, back)
    after: Optional[Item] = read
    for action in actions:
        if isinstance(action, Patch) and after is not None:
            after = {name: value for name, value in after.items() if name not in action.remove} | action.set
        elif isinstance(action, Delete) and action.key is None:
            after = None
    return after, actions
