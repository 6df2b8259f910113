"""What Python's module `random` draws: begun anew for each item, and not before it is drawn from, for that alone takes as long as an item."""

import os
import random
from typing import Any


class OfTheItem(random.Random):
    """Begins from the system's random numbers, which in a component are the item's own: the same in a re-run."""

    begun = False

    def seed(self, a: Any = None, version: int = 2) -> None:
        """Without a value it begins anew when it is drawn from next."""
        # componentize-py says so at an instance's first call, and drew 2,496 bytes for it: the first item's would be others in a re-run.
        self.begun, self.gauss_next = a is not None, None
        if self.begun:
            super().seed(a, version)

    def _begin(self) -> None:
        if not self.begun:
            self.seed(os.urandom(16))

    def random(self) -> float:
        self._begin()
        return super().random()

    def getrandbits(self, k: int) -> int:
        self._begin()
        return super().getrandbits(k)

    def getstate(self) -> Any:
        self._begin()
        return super().getstate()

    def setstate(self, state: Any) -> None:
        self.begun = True
        super().setstate(state)


def begun_with_items() -> OfTheItem:
    """Puts one in the place of the module's own generator. To be done before others import from there."""
    module = vars(random)
    own, draws = module["random"].__self__, OfTheItem()
    for name, value in list(module.items()):
        if getattr(value, "__self__", None) is own:
            module[name] = getattr(draws, name)
    return draws
