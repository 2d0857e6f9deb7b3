"""URLs in fsspec's memory and from a web server of this machine: reading, writing, and what goes wrong."""

from __future__ import annotations

import functools
import gzip
import http.server
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

fsspec = pytest.importorskip("fsspec", reason="fsspec is not here (it is in the extra test)")

from w2v_cli.corpus.texts import Texts  # noqa: E402
from w2v_cli.errors import ConfigError, CorpusError, MissingExtraError, ModelFileError  # noqa: E402
from w2v_cli.storage import remote  # noqa: E402
from w2v_cli.storage.atomic import atomic_file, atomic_files, check_writable  # noqa: E402
from w2v_cli.storage.mapped import map_file, open_regular  # noqa: E402
from w2v_cli.storage.opening import open_input  # noqa: E402
from w2v_cli.storage.outputs import Named, require_apart  # noqa: E402


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """Serve the test's folder, and return its address. This server of Python's cannot send ranges of a file."""
    pytest.importorskip("aiohttp", reason="aiohttp is not here (it is in the extra test)")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_object_is_read_like_a_file(memory: Any) -> None:
    memory.pipe_file("/b/a", b"one two")
    with open_input("memory://b/a") as file:
        assert (file.read(3), file.tell(), file.read(), file.read()) == (b"one", 3, b" two", b"")
    status = remote.status("memory://b/a")
    assert stat.S_ISREG(status.st_mode) and status.st_size == 7


def test_an_object_that_is_mapped_is_copied_to_a_file_without_a_name(memory: Any) -> None:
    memory.pipe_file("/b/a", b"one two")
    with open_regular("memory://b/a") as file:
        assert os.fstat(file.fileno()).st_nlink == 0
        assert bytes(map_file(file)) == b"one two"


def test_folders_and_patterns_are_expanded_without_hidden_files(memory: Any) -> None:
    for name in ("d/b.txt", "d/a.txt", "d/e/c.txt", "d/.w2v-1.tmp", "d/.git/x", "other.txt", "d2/z.txt"):
        memory.pipe_file(f"/{name}", b"x")
    assert remote.expand("memory://d") == [f"memory:///d/{name}.txt" for name in ("a", "b", "e/c")]
    assert remote.expand("memory://d/*.txt") == ["memory:///d/a.txt", "memory:///d/b.txt"]
    assert remote.expand("memory://**/?.txt") is not None
    assert remote.expand("memory://other.txt") is None
    assert remote.expand("memory://nothing") is None
    assert remote.expand("memory://none/*.txt") == []


def test_a_name_with_the_characters_of_a_pattern_is_a_name_if_there_is_such_an_object(memory: Any) -> None:
    memory.pipe_file("/a[1].txt", b"x")
    assert remote.expand("memory://a[1].txt") is None


def test_an_object_appears_when_the_block_ends_and_not_before(memory: Any) -> None:
    with atomic_file("memory://b/a") as file:
        file.write(b"new")
        assert not memory.exists("/b/a")
    assert memory.cat_file("/b/a") == b"new"
    assert memory.find("/") == ["/b/a"]


def test_an_object_is_left_alone_if_the_block_fails(memory: Any) -> None:
    memory.pipe_file("/b/a", b"old")
    with pytest.raises(RuntimeError), atomic_file("memory://b/a") as file:
        file.write(b"new")
        raise RuntimeError
    assert {name: memory.cat_file(name) for name in memory.find("/")} == {"/b/a": b"old"}


@pytest.mark.parametrize("error", [OSError("the line is dead"), KeyboardInterrupt(), ValueError("no credentials")])
def test_an_upload_that_breaks_off_leaves_the_older_object_and_nothing_else(
    memory: Any, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    memory.pipe_file("/b/a", b"old")

    def half(source: str, target: str, **options: object) -> None:
        memory.pipe_file(target, Path(source).read_bytes()[:2])
        raise error

    monkeypatch.setattr(memory, "put_file", half)
    expected = ModelFileError if isinstance(error, Exception) else KeyboardInterrupt
    with pytest.raises(expected) as caught, atomic_file("memory://b/a") as file:
        file.write(b"new")
    if isinstance(error, Exception):
        assert str(caught.value) == f"cannot write memory://b/a: {error}"
    assert {name: memory.cat_file(name) for name in memory.find("/")} == {"/b/a": b"old"}


def test_objects_that_belong_together_are_replaced_together(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    memory.pipe_file("/numbers", b"old")
    memory.pipe_file("/words", b"old")
    moved, mv = [], memory.mv

    def watched(source: str, target: str, **options: object) -> None:
        # The main object has gone before the other one changes.
        moved.append((target, memory.exists("/numbers")))
        mv(source, target, **options)

    monkeypatch.setattr(memory, "mv", watched)
    with atomic_files("memory://numbers", "memory://words") as (numbers, words):
        numbers.write(b"1")
        words.write(b"a")
    assert moved == [("/words", False), ("/numbers", False)]
    assert {name: memory.cat_file(name) for name in memory.find("/")} == {"/numbers": b"1", "/words": b"a"}


def test_a_folder_that_can_be_written_is_as_before_afterwards(memory: Any) -> None:
    memory.pipe_file("/b/a", b"old")
    check_writable("memory://b/a")
    check_writable("memory://b/new")
    assert memory.find("/") == ["/b/a"]
    with pytest.raises(ModelFileError, match=r"cannot write memory://b: Is a directory"):
        check_writable("memory://b")


def test_a_web_address_cannot_be_written(web: str) -> None:
    with pytest.raises(ModelFileError, match="a web address can only be read"):
        check_writable(f"{web}/model")


def test_what_a_web_server_has_is_read_in_one_request(web: str, tmp_path: Path) -> None:
    data = bytes(range(256)) * 4096 * 5
    (tmp_path / "a.bin").write_bytes(data)
    with open_input(f"{web}/a.bin") as file:
        assert not file.seekable() and file.read(10) == data[:10]
        assert b"".join(iter(lambda: file.read(1 << 20), b"")) == data[10:] and file.tell() == len(data)
    with open_regular(f"{web}/a.bin") as copy:
        assert copy.read() == data
    assert remote.status(f"{web}/a.bin").st_size == len(data)
    # A query is no pattern.
    assert remote.expand(f"{web}/a.bin?x=1") is None


def test_an_answer_that_is_cut_short_is_an_error_and_not_a_short_text(
    web: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(self: http.server.SimpleHTTPRequestHandler, *arguments: object) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(b"the boats came home\n" * 10)

    monkeypatch.setattr(http.server.SimpleHTTPRequestHandler, "do_GET", cut)
    monkeypatch.setattr(http.server.SimpleHTTPRequestHandler, "do_HEAD", cut)
    with pytest.raises(CorpusError, match=r"a\.txt cannot be read: .*not enough data|a\.txt cannot be read: Response"):
        list(Texts([f"{web}/a.txt"]).pieces())
    with pytest.raises(ModelFileError, match=r"a\.txt cannot be read"):
        open_regular(f"{web}/a.txt")


def test_an_object_that_is_replaced_while_it_is_read_is_an_error(memory: Any) -> None:
    memory.pipe_file("/a.txt", b"the boats came home\n" * 10)
    pieces = Texts(["memory://a.txt"]).pieces(50)
    next(pieces)
    memory.pipe_file("/a.txt", b"the boats are late\n" * 10)
    with pytest.raises(CorpusError, match=r"memory://a\.txt has changed while it was read"):
        list(pieces)


def test_progress_is_in_bytes_of_the_object(memory: Any) -> None:
    packed = gzip.compress(bytes(range(97, 123)) * 10_000)
    memory.pipe_file("/a.txt.gz", packed)
    texts = Texts(["memory://a.txt.gz"])
    assert texts.total_bytes == len(packed)
    assert [piece.bytes_read for piece in texts.pieces()][-1] == len(packed)


def test_a_cache_of_fsspec_may_stand_before_a_url(memory: Any, tmp_path: Path) -> None:
    memory.pipe_file("/a", b"one")
    with open_regular("simplecache::memory://a") as file:
        assert file.read() == b"one"


def test_what_is_not_there_is_the_error_of_a_file(memory: Any, web: str) -> None:
    for url in ("memory://none", f"{web}/none"):
        with pytest.raises(FileNotFoundError, match="No such file"):
            remote.status(url)
        assert not remote.exists(url)
        with pytest.raises(ModelFileError, match=f"there is no file {url}"):
            open_regular(url)


def test_a_server_that_does_not_answer_is_not_a_missing_file() -> None:
    pytest.importorskip("aiohttp", reason="aiohttp is not here (it is in the extra test)")
    with pytest.raises(remote.RemoteError, match=r"Cannot connect to host 127\.0\.0\.1:1"):
        remote.status("http://127.0.0.1:1/a")


def test_a_protocol_that_nobody_knows_is_corrected() -> None:
    for url, meant in (("memroy://a", "memory"), ("s4://a", "s3"), ("htps://a", "https"), ("sx3::memory://a", "")):
        with pytest.raises(ConfigError, match="is no protocol that w2v knows") as caught:
            remote.status(url)
        assert meant in (caught.value.hint or "")


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "gcsfs", None)
    with pytest.raises(MissingExtraError, match=r"gs:// URLs needs the package gcsfs") as caught:
        remote.status("gs://b/a")
    assert "pip install gcsfs" in (caught.value.hint or "")


@pytest.mark.parametrize(("url", "package"), [("s3://b/a", "s3fs"), ("https://h/a", r"fsspec\[http\]")])
def test_without_fsspec_the_package_that_brings_it_is_named(
    monkeypatch: pytest.MonkeyPatch, url: str, package: str
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "fsspec.core", None)
    monkeypatch.setitem(__import__("sys").modules, "fsspec", None)
    with pytest.raises(MissingExtraError, match=f"needs the package {package}"):
        remote.status(url)


def test_an_output_over_an_input_is_refused(memory: Any) -> None:
    with pytest.raises(ConfigError, match="would overwrite"):
        require_apart([Named("memory://b/a", "the model")], [Named("memory://b/a", "a text")])
    require_apart([Named("memory://b/c", "the model")], [Named("memory://b/a", "a text")])


def test_two_urls_of_one_object_are_one_object(memory: Any) -> None:
    with pytest.raises(ConfigError, match=r"memory:///b/a \(the model\) would overwrite memory://b/a"):
        require_apart([Named("memory:///b/a", "the model")], [Named("memory://b/a", "a text")])
    # The key of an object may hold two slashes.
    require_apart([Named("memory://b//a", "the model")], [Named("memory://b/a", "a text")])


def test_an_object_that_is_replaced_has_another_version(memory: Any) -> None:
    memory.pipe_file("/a", b"one")
    before = remote.version("memory://a")
    assert remote.version("memory://a") == before
    memory.pipe_file("/a", b"two")
    assert remote.version("memory://a") != before


def test_an_archive_in_an_object_can_be_read(memory: Any, tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "texts.zip", "w") as archive:
        archive.writestr("a.txt", "one")
        archive.writestr("b.md", "two")
    memory.put_file(str(tmp_path / "texts.zip"), "/texts.zip")
    assert remote.expand("zip://*.txt::memory://texts.zip") == ["zip://a.txt::memory://texts.zip"]
    with open_input("zip://a.txt::memory://texts.zip") as file:
        assert file.read() == b"one"


def test_local_files_never_touch_fsspec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(url: str) -> IO[bytes]:
        raise AssertionError(url)

    monkeypatch.setattr(remote, "_located", refuse)
    with atomic_file(tmp_path / "a") as file:
        file.write(b"x")
    for name in (str(tmp_path / "a"), (tmp_path / "a").as_uri()):
        with open_regular(name) as opened, open_input(name) as again:
            assert opened.read() == again.read() == b"x"
