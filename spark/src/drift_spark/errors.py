"""What an exit code of drift-host means to whoever started it, and the errors made of them.

The binary's contract (docs/segments.md): 0 to 4 and 65 are results, which starting again does not change; 75, 130, 143, death by a
signal, and whatever else a process may die of, mean "start it again".
"""

import re
from typing import Optional

DONE = 0
#: Done, and items failed or are in doubt; or nothing was written, for too many failed.
LEFT = 1
USAGE = 2
REFUSED = 3
AGAIN = 75
INTERRUPTED = 130
TERMINATED = 143

#: Codes that are results of a segment.
RESULTS = frozenset({0, 1, 2, 3, 4, 65})
#: Those of them that end the whole run.
FATAL = frozenset({2, 3, 4, 65})

_BEGIN, _END = "drift-spark[", "[/drift-spark]"


def is_result(code: int) -> bool:
    """Whether this exit code stands whatever is started again; signals are negative, as `subprocess` has them."""
    return code in RESULTS


def ending(code: int) -> str:
    """How a process ended, in words."""
    if code < 0:
        return f"was killed by signal {-code}"
    return f"ended with exit code {code}"


class DriftError(Exception):
    """The run did not come to its end. `exit_code` is what a process is to end with: 2 usage, 3 refused, 4 denied, 65 damaged, 75 may
    be started again, 130 and 143 interrupted. `told`: standard error has it already."""

    def __init__(self, exit_code: int, message: str, told: bool = False) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.told = told


class SegmentFailed(Exception):
    """What a task raises so that Spark starts it again. Its text comes to the driver within Spark's own, and is found there."""

    def __init__(self, exit_code: int, message: str) -> None:
        super().__init__(f"{_BEGIN}{exit_code}]: {message}{_END}")
        self.exit_code = exit_code

    def __reduce__(self) -> "tuple[type[Exception], tuple[str]]":
        # Exceptions are pickled by what they were made with.
        return (Exception, (str(self),))


def found_in(text: str) -> Optional[DriftError]:
    """The error of the last task that failed, in what Spark says of the job."""
    all_found = re.findall(re.escape(_BEGIN) + r"(-?\d+)\]: (.*?)" + re.escape(_END), text, re.DOTALL)
    if not all_found:
        return None
    code, message = all_found[-1]
    known = int(code)
    return DriftError(known if known in FATAL else AGAIN, message)
