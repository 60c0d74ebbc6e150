"""A browser for the tests of the console: found, or installed with the system's packages.

python -m deploy.local.chromium
"""

import os
import shutil
import subprocess
import sys
from typing import Final

from shared.errors import LinegateError

VARIABLE: Final = "LINEGATE_CHROMIUM"
"""Names a program that is none of the usual ones."""
PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_APT: Final = ("apt-get", "-o", "DPkg::Lock::Timeout=300")
"""Waits for another installation to end."""
_PACKAGES: Final = ("chromium", "fonts-liberation")
"""Without recommended packages a bare machine would have no letters."""


class NoBrowserError(LinegateError):
    """There is no Chromium here, and none could be installed."""


def find_chromium() -> str:
    """The program that `LINEGATE_CHROMIUM` names, else the first of the usual ones.

    Raises:
        NoBrowserError: there is none.
    """
    named = os.environ.get(VARIABLE)
    found = shutil.which(named) if named else next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        what = f"{VARIABLE} names {named}, which is no program" if named else f"none of {', '.join(PROGRAMS)} is here"
        raise NoBrowserError(
            f"no browser for the tests of the console: {what}",
            hint=f"`make setup` installs Debian's; or install Chromium or Chrome, or set {VARIABLE} to its program",
        )
    return found


def ensure_chromium() -> str:
    """The browser; installed first where there is none, which needs apt-get and its rights.

    Raises:
        NoBrowserError: it is not there and cannot be installed.
    """
    try:
        return find_chromium()
    except NoBrowserError:
        if os.environ.get(VARIABLE):
            raise
    _install()
    return find_chromium()


def _install() -> None:
    if shutil.which("apt-get") is None:
        raise NoBrowserError(
            "no browser for the tests of the console, and no apt-get to install one with",
            hint=f"install Chromium or Chrome, or set {VARIABLE} to its program",
        )
    sudo = _sudo()
    for arguments in (("update", "-q"), ("install", "-q", "-y", "--no-install-recommends", *_PACKAGES)):
        done = subprocess.run(  # noqa: S603 - a fixed command line, no shell
            [*sudo, *_APT, *arguments],
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise NoBrowserError(
                f"`apt-get {' '.join(arguments)}` failed: {(done.stderr or done.stdout).strip()[-500:]}",
                hint=f"install Chromium or Chrome by hand, or set {VARIABLE} to its program",
            )


def _sudo() -> list[str]:
    """What makes a command root's: nothing where we are, `sudo -n` where it asks for no password."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo is not None and not subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode:  # noqa: S603 - a fixed command line
        return [sudo, "-n"]
    raise NoBrowserError(
        "no browser for the tests of the console, and installing one needs root's rights",
        hint=f"run `sudo apt-get install chromium`, or set {VARIABLE} to the program of one",
    )


def main() -> int:
    """Find or install it; say which."""
    try:
        sys.stdout.write(f"browser for the tests: {ensure_chromium()}\n")
    except NoBrowserError as error:
        sys.stderr.write(f"error: {error.line}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
