"""Loops without end where `how` says so."""


def migrate(item, actions):
    rounds = 0
    while item["how"] == "loop":
        rounds += 1
    item["done"] = True
