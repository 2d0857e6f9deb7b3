"""The program `w2v`, which is also `python -m w2v_cli`."""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import NoReturn


def run() -> NoReturn:
    """Run the command line.

    Until its modules are loaded, Ctrl-C ends the process silently with exit code 130: nothing has begun, and nothing
    would catch a KeyboardInterrupt.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)
    from w2v_cli.cli import main

    signal.signal(signal.SIGINT, before)
    main.run()


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    os._exit(128 + number)


if __name__ == "__main__":
    run()
