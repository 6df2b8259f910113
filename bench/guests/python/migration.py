"""One attribute is added to an item: the same change in each language, for `cargo xtask bench`."""

from drift_sdk import migration


@migration(number=20261126, name="touch", summary="Adds an attribute", repeatable=True)
def migrate(item):
    item["touched"] = True
