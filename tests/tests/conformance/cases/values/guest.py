"""Each item goes into another table as it was read."""


def migrate(item, actions):
    actions.insert("Others", item)
