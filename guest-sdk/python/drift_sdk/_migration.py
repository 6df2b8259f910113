"""A migration: its functions, and what it says about itself."""

import inspect
import traceback
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

from ._actions import Action, Actions, with_change
from ._values import Item

Function = Callable[..., None]
#: Access, table (None: the one being migrated), why.
Grant = Tuple[str, Optional[str], str]

_HERE = __file__.rpartition("/")[0]


def insert_grant(table: Optional[str], why: str) -> Grant:
    """Asks to insert into a table (None: the one being migrated)."""
    return ("insert", table, why)


def update_grant(table: Optional[str], why: str) -> Grant:
    """Asks to update items of a table by expressions."""
    return ("update", table, why)


def delete_grant(table: Optional[str], why: str) -> Grant:
    """Asks to delete items of a table."""
    return ("delete", table, why)


class Failed(Exception):
    """An item's error, as the operator reads it."""


class Migration:
    """What a component is: one function, perhaps its way back, and what it says about itself."""

    def __init__(
        self,
        migrate: Function,
        number: int,
        name: str,
        summary: str,
        repeatable: bool,
        after: List[int],
        grants: List[Grant],
        extra: Dict[str, str],
    ) -> None:
        self.number, self.name, self.summary, self.repeatable = number, name, summary, repeatable
        self.after, self.grants, self.extra = after, grants, extra
        self._migrate, self._undo = _checked(migrate), None  # type: ignore[assignment]

    def undo(self, function: Function) -> Function:
        """Makes a function the way back, as a decorator: `@migrate.undo`."""
        self._undo = _checked(function)  # type: ignore[assignment]
        return function

    def has_undo(self) -> bool:
        return self._undo is not None

    def call(self, item: Item, before: Item, back: bool = False) -> List[Action]:
        """The actions of one item, the patch first. `before` is the item as it is read, apart from it. Everything that is raised becomes a `Failed`."""
        function = self._undo if back else self._migrate
        if function is None:
            raise Failed("the migration has no undo")
        try:
            actions = Actions()
            returned = function(item, actions)
            if returned is not None:
                raise TypeError(
                    f"a migration changes the item that it is given, and returns nothing; this one returned a {type(returned).__name__}"
                )
            return with_change(before, item, actions.list)
        except BaseException as error:
            raise Failed(_told(error)) from None


def migration(
    *,
    number: int,
    name: str,
    summary: str = "",
    repeatable: bool = False,
    after: Iterable[int] = (),
    grants: Iterable[Grant] = (),
    extra: Optional[Dict[str, str]] = None,
) -> Callable[[Function], Migration]:
    """Makes a function the module's migration. It takes the item, and `Actions` if it wants more than to change that.

    number: its place in the history, unique per metadata table; a date, say. repeatable: running it (and its undo) on its own
    result, or on any later state of the item, makes nothing further happen. after: what must be applied before. grants: what it
    needs beyond changing the item, by `insert_grant`, `update_grant`, `delete_grant`. Asking is not getting.
    """
    if isinstance(number, bool) or not isinstance(number, int) or not 0 < number < 10**19:
        raise ValueError(f"number={number!r}: it is a whole number above zero, of at most 19 digits; a date, say: 20261125")
    if not isinstance(name, str) or not name:
        raise ValueError(f"name={name!r}: it is a short text: 'trim-names'")

    def made(function: Function) -> Migration:
        return Migration(function, number, name, summary, repeatable, list(after), list(grants), dict(extra or {}))

    return made


def _checked(function: Function) -> Callable[[Item, Actions], Any]:
    name = getattr(function, "__name__", "the function")
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(f"{name} is async, and a migration is a plain function: there is nothing to wait for in it")
    if inspect.isgeneratorfunction(function):
        raise TypeError(f"{name} yields, and a migration changes the item that it is given")
    wanted = len(inspect.signature(function).parameters)
    if wanted == 1:
        return lambda item, _: function(item)
    if wanted == 2:
        return function
    raise TypeError(f"{name} takes {wanted} parameters; a migration takes the item, and the actions if it wants them")


def _told(error: BaseException) -> str:
    """The error in a line, and below it where in the author's own files it came about, the innermost first; below that its cause."""
    text = str(error)
    line = f"{type(error).__name__}: {text}" if text else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename.rpartition("/")[0] != _HERE]
    # Of an endless recursion a few are enough.
    places = [f"  at {frame.filename.rpartition('/')[2]}:{frame.lineno} in {frame.name}" for frame in reversed(own[-10:])]
    cause = [f"caused by {_told(error.__cause__)}"] if error.__cause__ is not None else []
    return "\n".join([line] + places + cause)
