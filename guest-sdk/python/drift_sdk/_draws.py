"""What Python's module `random` draws: begun anew for each item, and not before it is drawn from, for that alone takes as long as an item."""

import os
import random
from typing import Any


class OfTheItem(random.Random):
    """Begins from the system's random numbers, which in a component are the item's own: the same in a re-run."""

    begun = True

    def _begin(self) -> None:
        if not self.begun:
            self.seed(os.urandom(16))

    def seed(self, *args: Any, **named: Any) -> None:
        self.begun = True
        super().seed(*args, **named)

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
    """Puts one in the place of the module's own generator; after `begun = False` it begins anew. To be done before others import from there."""
    module = vars(random)
    own, draws = module["random"].__self__, OfTheItem()
    for name, value in list(module.items()):
        if getattr(value, "__self__", None) is own:
            module[name] = getattr(draws, name)
    return draws
