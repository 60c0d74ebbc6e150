"""Run one program and end it when the process that asked for it is gone, however that one died.

    python guard.py GRACE_SECONDS PROGRAM [ARGUMENT ...]

The parent holds the other end of our standard input. A closed pipe means "stop": SIGTERM, then SIGKILL after the grace.
That also happens when the parent is killed with SIGKILL, from whichever thread it started us. Standard library only:
this file runs as a script, without the package around it.
"""

import ctypes
import os
import selectors
import signal
import subprocess
import sys

PR_SET_PDEATHSIG = 1


def _die_with_the_guard() -> None:
    """In the child: ask Linux for a SIGTERM when the guard itself is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def main(arguments: list[str]) -> int:
    """Run until the program ends or standard input closes; the exit status is the program's."""
    grace, command = float(arguments[0]), arguments[1:]
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    child = subprocess.Popen(  # noqa: S603 - the command comes from our own parent
        command,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        preexec_fn=_die_with_the_guard,  # noqa: PLW1509 - safe: the guard has one thread
    )
    os.write(sys.stdout.fileno(), f"{child.pid}\n".encode())
    with selectors.DefaultSelector() as selector:
        selector.register(0, selectors.EVENT_READ)
        selector.register(wake_read, selectors.EVENT_READ)
        while child.poll() is None:
            ready = {key.fd for key, _ in selector.select()}
            if wake_read in ready:
                os.read(wake_read, 64)
            if 0 in ready and not os.read(0, 64):
                child.terminate()
                try:
                    child.wait(grace)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
    return child.returncode


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.exit(128 - code if code < 0 else code)
