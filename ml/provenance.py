"""Which code this is, and among what. What was done with it is recorded by `ml.tracking`."""

import platform
import subprocess
from importlib.metadata import distributions, version
from pathlib import Path

PACKAGE = Path(__file__).parent
GIT_TIMEOUT_S = 5.0


def code_version() -> str:
    """The git commit of this package, `-dirty` if it was changed since; without git, the installed version."""
    commit = _git("rev-parse", "HEAD") if _git("ls-files", "--error-unmatch", Path(__file__).name) else None
    if commit is None:
        return f"millrace {version('millrace')}"
    return f"{commit}-dirty" if _git("status", "--porcelain", "--", ".") else commit


def environment() -> str:
    """Python, the machine and every installed distribution with its version, as `pip freeze` lists them."""
    installed = sorted({f"{found.name}=={found.version}" for found in distributions()}, key=str.lower)
    header = f"# Python {platform.python_version()} on {platform.platform()}"
    return "\n".join([header, *installed, ""])


def _git(*arguments: str) -> str | None:
    """What git answers in this package's directory; None where it cannot."""
    command = ["git", "-C", str(PACKAGE), *arguments]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=GIT_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
