"""Writes down what is told of the run."""

import re

from drift_sdk import run


def migrate(item, actions):
    match item["how"]:
        case "run":
            item["table"] = run.table
            item["key"] = run.key_attributes
        case "time":
            # Its form, for it is another in each run: 2026-11-26T09:50:18Z.
            item["time"] = re.sub("[0-9]", "9", run.started_at)
        case "arguments":
            for name in ["mode", "empty", "missing"]:
                if (value := run.argument(name)) is not None:
                    item[name] = value
        case "key":
            actions.insert("Others", run.key_of(item))
        case "no key":
            del item["Id"]
            run.key_of(item)
