"""Puts in as many lists, or maps, within each other as `how` says."""


def migrate(item, actions):
    maps = item["how"].startswith("maps ")
    value = None
    for _ in range(int(item["how"].removeprefix("maps "))):
        value = {"a": value} if maps else [value]
    item["v"] = value
