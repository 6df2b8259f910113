"""The run that a migration is in, and the log of its item. In unit tests they are what `drift_sdk.testing` says."""

from typing import Dict, List, Optional

from ._values import DriftValueError

try:
    # Not within functions: after the component is made, nothing more can be imported.
    from wit_world.imports import log as _host_log, run as _host_run
except ImportError:
    _host_log = _host_run = None


class _Run:
    """The same for every item, also after a resume."""

    def __init__(self) -> None:
        self._table, self._key_attributes, self._started_at = "Table", ["Id"], "2026-01-01T00:00:00Z"
        self._arguments: Dict[str, str] = {}

    @property
    def table(self) -> str:
        """The name of the table being migrated."""
        return _host_run.table() if _host_run else self._table

    @property
    def key_attributes(self) -> List[str]:
        """The names of the primary key's attributes, partition key first."""
        return _host_run.key_attributes() if _host_run else list(self._key_attributes)

    @property
    def started_at(self) -> str:
        """When the run began, RFC 3339 in UTC. It is the only clock there is."""
        return _host_run.started_at() if _host_run else self._started_at

    def argument(self, name: str) -> Optional[str]:
        """The value of `--arg name=value`."""
        return _host_run.argument(name) if _host_run else self._arguments.get(name)

    def key_of(self, item: dict) -> dict:
        """The key of an item of the table being migrated."""
        for name in self.key_attributes:
            if name not in item:
                raise DriftValueError(f"the key attribute {name!r} is missing")
        return {name: item[name] for name in self.key_attributes}


class _Log:
    """Lines for the operator, in the log of the item at hand. What is printed goes there too."""

    def _write(self, level: str, message: object) -> None:
        if _host_log:
            _host_log.write(_host_log.Level[level], str(message))
        else:
            print(f"{level.lower()}: {message}")

    def debug(self, message: object) -> None:
        self._write("DEBUG", message)

    def info(self, message: object) -> None:
        self._write("INFO", message)

    def warn(self, message: object) -> None:
        self._write("WARN", message)

    def error(self, message: object) -> None:
        self._write("ERROR", message)


run = _Run()
log = _Log()
