"""What is told of downloads and uploads that take long."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

fsspec = pytest.importorskip("fsspec", reason="fsspec is not here (it is in the extra test)")

from w2v_cli.storage import transfers  # noqa: E402
from w2v_cli.storage.atomic import atomic_file  # noqa: E402
from w2v_cli.storage.mapped import open_regular  # noqa: E402
from w2v_cli.storage.transfers import Transfer, told_of_transfers  # noqa: E402

# Two blocks of a download, of which the second is short.
SIZE = (1 << 24) + 10


class Heard:
    """A listener that lets a transfer wait until so many bytes have been told.

    Attributes
    ----------
    told : what, name, total and bytes done of each time that differed from the one before; None for the end.
    """

    def __init__(self) -> None:
        self.told: list[tuple[str, str, int | None, int] | None] = []
        self._news = threading.Condition()

    def __call__(self, transfer: Transfer | None) -> None:
        now = None if transfer is None else (transfer.what, transfer.name, transfer.total, transfer.done)
        with self._news:
            if self.told[-1:] != [now]:
                self.told.append(now)
                self._news.notify()

    def wait_for(self, done: int) -> None:
        """Wait until so many bytes have been told, or fail."""
        with self._news:
            assert self._news.wait_for(lambda: self.told and self.told[-1] and self.told[-1][3] == done, 60)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Heard:
    """Return a listener that is told at once, and often."""
    monkeypatch.setattr(transfers, "_FIRST_SECONDS", 0.001)
    monkeypatch.setattr(transfers, "_SECONDS", 0.001)
    return Heard()


@pytest.fixture
def slow(memory: Any, monkeypatch: pytest.MonkeyPatch, heard: Heard) -> Any:
    """Return the file system behind memory://, where every part waits until the one before has been told."""
    open_at_once = memory.open

    def open_slowly(path: str, mode: str = "rb", **options: object) -> Any:
        file = open_at_once(path, mode, **options)
        done, read = [0], file.read

        def read_slowly(size: int = -1) -> bytes:
            heard.wait_for(done[0])
            data: bytes = read(size)
            done[0] += len(data)
            return data

        if mode == "rb":
            file.read = read_slowly
        return file

    def put_slowly(source: str, target: str, callback: Any, **options: object) -> None:
        data, done = Path(source).read_bytes(), 0
        callback.set_size(len(data))
        for size in (3, len(data) - 3):
            heard.wait_for(done)
            callback.relative_update(size)
            done += size
        heard.wait_for(done)
        memory.pipe_file(target, data)

    monkeypatch.setattr(memory, "open", open_slowly)
    monkeypatch.setattr(memory, "put_file", put_slowly)
    return memory


def test_a_download_is_told_until_it_ends(slow: Any, heard: Heard) -> None:
    slow.pipe_file("/b/m.safetensors", bytes(SIZE))
    with told_of_transfers(heard), open_regular("memory://b/m.safetensors") as file:
        assert len(file.read()) == SIZE
    parts = [("Downloading", "m.safetensors", SIZE, done) for done in (0, 1 << 24, SIZE)]
    assert heard.told == [*parts, None]


def test_an_upload_is_told_under_the_name_that_the_object_will_have(slow: Any, heard: Heard) -> None:
    with told_of_transfers(heard), atomic_file("memory://b/m.safetensors") as file:
        file.write(b"1234567")
    assert heard.told == [*(("Uploading", "m.safetensors", 7, done) for done in (0, 3, 7)), None]
    assert slow.cat_file("/b/m.safetensors") == b"1234567"


def test_only_the_newest_listener_is_told(slow: Any, heard: Heard) -> None:
    def fail(transfer: Transfer | None) -> None:
        raise AssertionError

    with told_of_transfers(fail), told_of_transfers(heard), atomic_file("memory://b/a") as file:
        file.write(b"1234567")
    assert heard.told[-1] is None


def test_the_end_of_a_transfer_that_fails_is_told(memory: Any, heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_off(source: str, target: str, **options: object) -> None:
        heard.wait_for(0)
        raise KeyboardInterrupt

    monkeypatch.setattr(memory, "put_file", break_off)
    with told_of_transfers(heard), pytest.raises(KeyboardInterrupt), atomic_file("memory://b/a") as file:
        file.write(b"1234567")
    assert heard.told == [("Uploading", "a", 7, 0), None]


def test_short_transfers_and_those_of_other_threads_are_not_told(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def write() -> None:
        with atomic_file("memory://b/a") as file:
            file.write(b"1234567")

    heard = Heard()
    monkeypatch.setattr(transfers, "_FIRST_SECONDS", 60.0)
    with told_of_transfers(heard):
        write()
        monkeypatch.setattr(transfers, "_FIRST_SECONDS", 0.0)
        other = threading.Thread(target=write)
        other.start()
        other.join()
    assert heard.told == []
