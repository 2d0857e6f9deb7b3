"""Download text8 from a local server: completely, interrupted, resumed, and with wrong content."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

spec = importlib.util.spec_from_file_location("get_text8", ROOT / "scripts" / "get_text8.py")
assert spec is not None and spec.loader is not None
script: Any = importlib.util.module_from_spec(spec)
spec.loader.exec_module(script)

TEXT = b" anarchism originated as a term of abuse" * 5000
MD5 = hashlib.md5(TEXT).hexdigest()


def archive_of(text: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("text8", text)
    return buffer.getvalue()


class Server(HTTPServer):
    """A server that sends at most `limit` bytes of `content`, and records the ranges that are requested."""

    content = archive_of(TEXT)
    limit: int | None = None
    supports_ranges = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.ranges: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/text8.zip"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.ranges.append(asked)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.server.supports_ranges else 0
        body = self.server.content[start:]
        if start >= len(self.server.content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.limit])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_the_text_arrives_whole_and_nothing_else_stays(server: Server, tmp_path: Path) -> None:
    target = tmp_path / "new" / "text8"
    assert script.get_text8(target, server.url, MD5) is True
    assert target.read_bytes() == TEXT
    assert [path.name for path in target.parent.iterdir()] == ["text8"]


def test_what_is_there_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / "text8").write_bytes(TEXT)
    assert script.get_text8(tmp_path / "text8", server.url, MD5) is False
    assert server.ranges == []


def test_another_file_of_that_name_is_left_alone(server: Server, tmp_path: Path) -> None:
    (tmp_path / "text8").write_bytes(b"mine")
    with pytest.raises(ValueError, match="is not text8"):
        script.get_text8(tmp_path / "text8", server.url, MD5)
    assert (tmp_path / "text8").read_bytes() == b"mine"


@pytest.mark.parametrize("supports_ranges", [True, False])
def test_a_broken_download_goes_on(server: Server, tmp_path: Path, supports_ranges: bool) -> None:
    server.limit, server.supports_ranges = 100_000, supports_ranges
    with pytest.raises(OSError, match="run this again"):
        script.get_text8(tmp_path / "text8", server.url, MD5)
    assert not (tmp_path / "text8").exists()
    server.limit = None
    script.get_text8(tmp_path / "text8", server.url, MD5)
    assert server.ranges == [None, "bytes=100000-"]
    assert (tmp_path / "text8").read_bytes() == TEXT


def test_a_whole_download_that_was_not_unpacked_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / "text8.zip.part").write_bytes(server.content)
    assert script.get_text8(tmp_path / "text8", server.url, MD5) is True
    assert (tmp_path / "text8").read_bytes() == TEXT


@pytest.mark.parametrize("content", [b"<html>not found</html>", archive_of(b"another text")])
def test_a_wrong_file_is_refused_and_removed(server: Server, tmp_path: Path, content: bytes) -> None:
    server.content = content
    with pytest.raises(ValueError, match="removed"):
        script.get_text8(tmp_path / "text8", server.url, MD5)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_not_there_is_reported_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server() as closed:
        url = closed.url
    monkeypatch.setattr("sys.argv", ["get_text8.py", "-o", str(tmp_path / "text8"), "--url", url])
    with pytest.raises(SystemExit) as caught:
        script.main()
    assert str(caught.value).startswith("Error: ")
