"""Logs in the way that `how` names."""

import sys
from decimal import Decimal

from drift_sdk import log


def migrate(item, actions):
    match item["how"]:
        case "levels":
            log.debug("for who looks closely")
            log.info("for all")
            log.warn("for who worries")
            log.error("for who must act")
        case "printed":
            print("printed")
        case "to the error stream":
            print("to the error stream", file=sys.stderr)
        case "mixed":
            log.info("first")
            print("second")
            log.info("third")
        case "of two lines":
            log.info("one\ntwo")
        case "empty":
            log.info("")
        case "wide":
            log.info("🦆 é \x1b[2J")
        case "before an error":
            log.warn("this looks bad")
            raise ValueError("it is bad")
        case "values":
            log.info(f"{7} of {Decimal('1.50')}")
        case "without an end":
            print("no line's end", end="")
