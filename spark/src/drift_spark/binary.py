"""The binary: where it is on a machine, and which version it says it is.

An executor looks in this order: what `--binary` says (a path; or a name below the working directory or Spark's files, where archives are
unpacked); `$DRIFT_HOST`; `drift/drift-host`, which `--archives bundle.tar.gz#drift` brings; `PATH`. Where `--binary` names nothing there, an executor
says so and looks no further; the driver, which has no archives on some clusters, does.
"""

import errno
import os
import platform
import shutil
import subprocess
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from .errors import REFUSED, USAGE, DriftError

NAME = "drift-host"
ARCHIVED = os.path.join("drift", NAME)
#: How long `--version` may take, on a machine that is busy.
PATIENCE = 120.0


def find(binary: Optional[str], roots: Sequence[str], environment: Mapping[str, str], strict: bool = True) -> str:
    """The binary's path. `roots`: folders below which archives are unpacked. `strict`: `binary` is there, or nothing is."""
    looked: List[str] = []
    for candidate in _candidates(binary, roots, environment, strict):
        looked.append(candidate)
        if os.path.isfile(candidate):
            return candidate
    on_path = None if binary and strict else shutil.which(NAME, path=environment.get("PATH", ""))
    if on_path:
        return on_path
    raise DriftError(
        USAGE,
        f"there is no {NAME} on {platform.node()}: looked for {', '.join(looked) or NAME}{'' if binary and strict else ', and in PATH'}. Install it on every "
        "machine, or bring it by --archives bundle.tar.gz#drift, and name it by --binary or $DRIFT_HOST",
    )


def _candidates(binary: Optional[str], roots: Sequence[str], environment: Mapping[str, str], strict: bool) -> List[str]:
    def below(name: str) -> List[str]:
        return [name] if os.path.isabs(name) else [os.path.join(os.path.abspath(root), name) for root in roots]

    named = below(binary) if binary else []
    on_path = shutil.which(binary, path=environment.get("PATH", "")) if binary and os.sep not in binary else None
    named += [on_path] if on_path else []
    if binary and strict:
        return named
    given = environment.get("DRIFT_HOST")
    return named + ([given] if given else []) + below(ARCHIVED)


def version(path: str) -> str:
    """What it says of itself: `drift-host 0.1.0`. An error says why it does not start, on which machine."""
    here = f"{path} on {platform.node()}"
    try:
        said = subprocess.run([path, "--version"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE)
    except OSError as error:
        raise DriftError(USAGE, f"{here} {unstarted(error)}") from None
    except subprocess.TimeoutExpired:
        raise DriftError(USAGE, f"{here} --version said nothing within {PATIENCE:.0f} s") from None
    text = said.stdout.decode("utf-8", "replace").strip()
    if said.returncode != 0 or not text.startswith(NAME + " "):
        tail = said.stderr.decode("utf-8", "replace").strip()[-500:]
        raise DriftError(USAGE, f"{here} is no {NAME}: --version ended with {said.returncode} and said {text[:200]!r} {tail!r}")
    return text


def unstarted(error: OSError) -> str:
    """Why a file that is there does not start."""
    if error.errno == errno.ENOEXEC:
        return f"is for another kind of machine than {platform.machine()} (exec format error). Bring the binary of the executors' architecture"
    if error.errno == errno.EACCES:
        return "may not be run: it has no run bit, or its disk is mounted noexec. An archive made by tar keeps the bit (--archives bundle.tar.gz#drift)"
    if error.errno == errno.ENOENT:
        return "does not start: it needs a loader or a library that is not there. Bring a static binary"
    return f"does not start: {error}"


#: What was looked at in this process: Spark uses a Python process for many tasks. By path, time of change and size.
_looked: Dict[Tuple[str, float, int], str] = {}


def same(path: str, wanted: str) -> None:
    """Refuses another version than the driver's."""
    state = os.stat(path)
    key = (path, state.st_mtime, state.st_size)
    if key not in _looked:
        _looked[key] = version(path)
    differs(_looked[key], wanted, path)


def differs(found: str, wanted: str, path: str) -> None:
    """An error where the two are not one version."""
    if found != wanted:
        raise DriftError(
            REFUSED,
            f"{path} on {platform.node()} is {found}, and the driver has {wanted}: one run has one version. Bring the same binary to all machines",
        )
