"""What is to happen beside the change of the item."""

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Union

from ._values import Item, fields, same, untouched


@dataclass
class Patch:
    """Changes the item that was handed in."""

    set: Item
    remove: List[str]


@dataclass
class Insert:
    """Puts an item into a table."""

    table: Optional[str]
    item: Item
    existing: str


@dataclass
class Update:
    """UpdateItem in DynamoDB's own expression language. Without a key it is of the item that was handed in."""

    expression: str
    table: Optional[str] = None
    key: Optional[Item] = None
    condition: Optional[str] = None
    names: Dict[str, str] = field(default_factory=dict)
    values: Item = field(default_factory=dict)


@dataclass
class Delete:
    """Deletes an item. Without a key it is the one that was handed in."""

    table: Optional[str] = None
    key: Optional[Item] = None


Action = Union[Patch, Insert, Update, Delete]


class Actions:
    """Gathers actions. All actions of one item happen, or none. Each needs its grant."""

    def __init__(self) -> None:
        self.list: List[Action] = []

    def insert(self, table: Optional[str], item: Item, existing: str = "keep") -> None:
        """Puts an item into a table (None: the one being migrated). If one with its key exists: `keep`, `replace` or `fail`."""
        if existing not in ("keep", "replace", "fail"):
            raise ValueError(f"existing={existing!r}: it is 'keep', 'replace' or 'fail'")
        self.list.append(Insert(table, fields(item), existing))

    def update(
        self,
        table: Optional[str],
        key: Optional[Item],
        expression: str,
        *,
        condition: Optional[str] = None,
        names: Optional[Dict[str, str]] = None,
        values: Optional[Item] = None,
    ) -> None:
        """Changes an item by an expression; without a key the one that was handed in, which must not be changed as well."""
        key = None if key is None else fields(key)
        self.list.append(Update(expression, table, key, condition, dict(names or {}), fields(values or {})))

    def delete(self, table: Optional[str], key: Item) -> None:
        """Deletes the item with this key."""
        self.list.append(Delete(table, fields(key)))

    def delete_this(self) -> None:
        """Deletes the item that was handed in; what was changed of it no longer matters."""
        self.list.append(Delete())


def with_change(before: Item, after: Any, actions: List[Action]) -> List[Action]:
    """All actions, the change of the item first."""
    if not actions:
        patch = difference(before, after)
        return actions if patch is None else [patch]
    if any(isinstance(action, Delete) and action.key is None for action in actions):
        # What was changed of an item that goes no longer matters.
        return actions
    patch = difference(before, after)
    if patch is None:
        return actions
    if any(isinstance(action, Update) and action.key is None for action in actions):
        names = [*patch.set, *patch.remove]
        raise ValueError(f"the item was changed ({names}) and is to be updated by an expression as well; do one of the two")
    return [patch, *actions]


_NOT_THERE = object()


def difference(before: Item, after: Any) -> Optional[Patch]:
    """The patch from an item as it was read to what an author left of it; None if there is no difference."""
    # What was left alone is the very same, and need not be looked at; a list or a map is one apart, and most are equal.
    others = [name for name, value in after.items() if before.get(name, _NOT_THERE) is not value]
    touched = {name: after[name] for name in others if name not in before or not untouched(before[name], after[name])}
    changed = {name: value for name, value in fields(touched).items() if name not in before or not same(before[name], value)}
    fresh = len(touched) - len(before.keys() & touched.keys()) if touched else 0
    removed = [name for name in before if name not in after] if len(after) - fresh < len(before) else []
    return Patch(changed, removed) if changed or removed else None
