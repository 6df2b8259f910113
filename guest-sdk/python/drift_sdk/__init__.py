"""Write drift-host migrations of DynamoDB tables: one function over one item.

    from drift_sdk import migration

    @migration(number=20261125, name="trim-names", summary="Names without blanks around them", repeatable=True)
    def migrate(item):
        if "name" in item:
            item["name"] = item["name"].strip()

What the function changes of the item becomes one patch, which the host writes only if the item is still as it was seen. An
exception is this item's error; the other items go on. An item is a dict:

    str            S
    Decimal        N: exact, never a float; an int may be put in for one
    bytes          B
    bool           BOOL
    None           NULL
    set of str, of Decimal or of bytes    SS, NS, BS
    list           L
    dict           M
"""

from ._actions import Actions
from ._migration import Migration, insert_grant, delete_grant, migration, update_grant
from ._run import log, run
from ._values import DriftValueError

__all__ = ["Actions", "DriftValueError", "Migration", "delete_grant", "insert_grant", "log", "migration", "run", "update_grant"]
