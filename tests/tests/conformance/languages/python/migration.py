"""All cases in one component: `--arg case=NAME` chooses."""

from cases import (
    actions,
    changes,
    context,
    deadline,
    errors,
    logs,
    nesting,
    numbers,
    panics,
    unchanged,
    undo,
    values,
    wrong_values,
)
from drift_sdk import delete_grant, insert_grant, migration, run, update_grant

CASES = {
    "actions": actions,
    "changes": changes,
    "context": context,
    "deadline": deadline,
    "errors": errors,
    "logs": logs,
    "nesting": nesting,
    "numbers": numbers,
    "panics": panics,
    "unchanged": unchanged,
    "undo": undo,
    "values": values,
    "wrong_values": wrong_values,
}


@migration(
    number=20261126,
    name="conformance",
    summary="one behaviour, in the language at hand",
    repeatable=True,
    after=[1],
    grants=[
        insert_grant("Others", "copies of items"),
        update_grant("Others", "counts"),
        delete_grant("Others", "what is no longer wanted"),
        insert_grant(None, "items beside the one at hand"),
        update_grant(None, "expressions"),
        delete_grant(None, "items that go"),
    ],
)
def migrate(item, gathered):
    return CASES[run.argument("case")].migrate(item, gathered)


@migrate.undo
def back(item, gathered):
    undo.undo(item, gathered)
