"""What travels to the executors by Spark: this package, the plugin, policies, the file of environments.

Each under a name with its content's hash, so that a second run in one session may bring another version of a file of the same name.
"""

import atexit
import hashlib
import os
import shutil
import tempfile
import zipfile
from typing import Any, Dict, Optional

from .errors import USAGE, DriftError
from .flags import Shipped

_folder: Optional[str] = None


def folder() -> str:
    """A folder of this process's, which goes with it."""
    global _folder
    if _folder is None or not os.path.isdir(_folder):
        _folder = tempfile.mkdtemp(prefix="drift-spark-")
        atexit.register(shutil.rmtree, _folder, ignore_errors=True)
    return _folder


def file(sc: Any, path: str, what: str) -> Shipped:
    """Has Spark bring a file of the driver's to each executor."""
    if not os.path.isfile(path):
        raise DriftError(USAGE, f"{what} {path} is no file of the driver's ({os.getcwd()}): executors are sent files from there")
    with open(path, "rb") as stream:
        content = stream.read()
    name = f"{hashlib.sha256(content).hexdigest()[:12]}-{os.path.basename(path)}"
    copy = os.path.join(folder(), name)
    if not os.path.isfile(copy):
        with open(copy, "wb") as stream:
            stream.write(content)
    sc.addFile(copy)
    return Shipped(name)


def files(sc: Any, paths: "list[str]") -> Dict[str, Shipped]:
    """The same of several, by their paths."""
    return {path: file(sc, path, "the file") for path in paths}


def package(sc: Any) -> None:
    """Has Spark bring this package, unless it came by Spark itself (`--py-files`, of which executors have it too)."""
    here = os.path.dirname(os.path.abspath(__file__))
    if not os.path.isdir(here):
        return
    modules = sorted(name for name in os.listdir(here) if name.endswith(".py"))
    digest = hashlib.sha256()
    for name in modules:
        with open(os.path.join(here, name), "rb") as stream:
            digest.update(stream.read())
    archive = os.path.join(folder(), f"drift_spark-{digest.hexdigest()[:12]}.zip")
    if not os.path.isfile(archive):
        with zipfile.ZipFile(archive, "w") as made:
            for name in modules:
                made.write(os.path.join(here, name), f"drift_spark/{name}")
    sc.addPyFile(archive)
