"""How far an object is on its way to or from another machine, for whoever wants to show it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from w2v_cli.storage.urls import without_query

# Seconds before anything is told, because most objects have arrived by then; and between two times.
_FIRST_SECONDS, _SECONDS = 1.0, 0.1


@dataclass
class Transfer:
    """An object on its way.

    Attributes
    ----------
    what : Downloading or Uploading.
    url : of the object.
    total : its size in bytes, or None if unknown.
    done : how many bytes have arrived, as far as is known.
    """

    what: str
    url: str
    total: int | None
    done: int = 0

    @property
    def name(self) -> str:
        """The name of the object in its folder."""
        return os.path.basename(without_query(self.url))


# What is told of a transfer: itself, again and again, and None at its end.
Listener = Callable[[Transfer | None], None]
_listeners: list[Listener] = []


@contextmanager
def told_of_transfers(listener: Listener) -> Iterator[None]:
    """Within this context, tell `listener` of every transfer that takes long, instead of those who were told before.

    It is told in another thread, while the main one waits for the transfer.
    """
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


@contextmanager
def telling_progress(transfer: Transfer) -> Iterator[None]:
    """Within this context, tell the newest listener how far a transfer is; the caller counts what has arrived.

    Other threads than the main one tell nothing, because the main one may be showing something else.
    """
    if not _listeners or threading.current_thread() is not threading.main_thread():
        yield
        return
    listener, over = _listeners[-1], threading.Event()
    told = threading.Thread(target=_tell, args=(listener, transfer, over), daemon=True)
    told.start()
    try:
        yield
    finally:
        over.set()
        told.join()


def _tell(listener: Listener, transfer: Transfer, over: threading.Event) -> None:
    seconds = _FIRST_SECONDS
    while not over.wait(seconds):
        listener(transfer)
        seconds = _SECONDS
    if seconds == _SECONDS:
        listener(None)
