"""Says which file of a package Lambda's user may not read, and how it is packed correctly.

DOCUMENTED: "Lambda requires global read permissions on code files and any dependent libraries". Python's
`ZipFile.writestr` records 0600 for a name, which only the owner may read.
"""

import io
import re
import stat
import zipfile
from typing import Final

from simulator.lambdas.function import FunctionSpec

_ERROR: Final = re.compile(r"\[Errno 13\] Permission denied: '(?P<folder>/var/task|/opt)/(?P<name>[^']+)'")
_UNIX: Final = 3


def explain_permission_error(spec: FunctionSpec, message: str) -> str:
    """Return why a function may not open a file of its package, given the error's message; empty for another error."""
    match = _ERROR.search(message)
    if match is None:
        return ""
    archives = (spec.code,) if match["folder"] == "/var/task" else tuple(reversed(spec.layers))
    for archive in archives:
        mode = _recorded_mode(archive, match["name"])
        if mode is not None and not mode & stat.S_IROTH:
            return (
                f"{match['name']} has the mode {mode:04o} in the zip, so only its owner may read it, and Lambda's user "
                "is another one. Pack it with mode 0644."
            )
    return ""


def _recorded_mode(archive: bytes, name: str) -> int | None:
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as package:
            entry = package.getinfo(name)
    except (zipfile.BadZipFile, KeyError):
        return None
    mode = (entry.external_attr >> 16) & 0o777
    return mode if entry.create_system == _UNIX and mode else None
