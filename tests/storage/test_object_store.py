"""A real object server on this machine, over S3: the same bytes as with files, and what a killed upload leaves."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from w2v_cli.config import TrainConfig
from w2v_cli.errors import ModelFileError
from w2v_cli.formats.model_file import save_model
from w2v_cli.storage.atomic import check_writable
from w2v_cli.training.run import resume_training, train_model

CONFIG = TrainConfig(dim=4, epochs=1, min_count=1, threads=1, subsample=0.0)


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, int]]:
    """Start an object server with the bucket `bucket`; return its host and port."""
    pytest.importorskip("s3fs", reason="s3fs is not here (it is in the extra test)")
    moto = pytest.importorskip("moto.server", reason="moto is not here (it is in the extra test)")
    import logging

    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    running = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    running.start()
    yield running.get_host_and_port()
    running.stop()


@pytest.fixture
def store(server: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the file system of the server, with an empty bucket."""
    import s3fs

    for name, value in environment(server[1]).items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    system = s3fs.S3FileSystem()
    if system.exists("bucket"):
        system.rm("bucket", recursive=True)
    system.mkdir("bucket")
    return system


def environment(port: int) -> dict[str, str]:
    """Return what sends a client of S3 to a port of this machine, and nowhere else."""
    return {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def test_a_run_in_a_bucket_has_the_bytes_of_one_with_files(store: Any, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a b c d\ne a\n" * 500)
    (tmp_path / "b.txt").write_text("b b c d\ne f\n" * 500)
    for name in ("a.txt", "b.txt"):
        store.put_file(str(tmp_path / name), f"bucket/in/{name}")
    train_model([str(tmp_path / "a.txt"), str(tmp_path / "b.txt")], CONFIG, output=tmp_path / "m")
    from w2v_cli.corpus.files import corpus_files

    files = corpus_files(["s3://bucket/in"])
    assert files == ["s3://bucket/in/a.txt", "s3://bucket/in/b.txt"] == corpus_files(["s3://bucket/in/*.txt"])
    train_model(files, CONFIG, output="s3://bucket/out/m", checkpoint="s3://bucket/run")
    assert store.cat_file("bucket/out/m") == (tmp_path / "m").read_bytes()
    store.rm_file("bucket/out/m")
    resume_training("s3://bucket/run", {"output": "s3://bucket/out/m"})
    assert store.cat_file("bucket/out/m") == (tmp_path / "m").read_bytes()


def test_a_bucket_that_is_not_there_cannot_be_written(store: Any) -> None:
    with pytest.raises(ModelFileError, match="cannot write s3://nowhere/m: No such file or directory"):
        check_writable("s3://nowhere/m")
    check_writable("s3://bucket/m")
    assert store.find("bucket") == []


def test_an_upload_that_is_killed_leaves_the_older_object(store: Any, server: tuple[str, int], tmp_path: Path) -> None:
    words = [f"word{i}" for i in range(20_000)]
    vectors = np.random.default_rng(1).normal(size=(len(words), 100)).astype(np.float32)
    save_model(tmp_path / "m.safetensors", words, None, {"input_vectors": vectors}, {})
    command = [sys.executable, "-m", "w2v_cli", "convert", str(tmp_path / "m.safetensors")]
    for target, older in (("new.safetensors", None), ("old.safetensors", b"old")):
        if older is not None:
            store.pipe_file(f"bucket/{target}", older)
        with Cut(server, f"PUT /bucket/{target}".encode()) as cut:
            process = subprocess.Popen(
                [*command, f"s3://bucket/{target}"],
                env={**os.environ, **environment(cut.port)},
                stderr=subprocess.DEVNULL,
            )
            assert cut.begun.wait(60)
            process.send_signal(signal.SIGKILL)
            process.wait()
        store.invalidate_cache()
        assert store.find("bucket") == ([] if older is None else [f"bucket/{target}"])
        assert older is None or store.cat_file(f"bucket/{target}") == older


class Cut:
    """A port of this machine that passes everything on to a server, but stops in the middle of a request.

    Attributes
    ----------
    port : the port.
    begun : set when a part of that request has arrived, and nothing more of it will be passed on.
    """

    def __init__(self, server: tuple[str, int], request: bytes) -> None:
        self._server, self._request = server, request
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.begun = threading.Event()

    def __enter__(self) -> Cut:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            upstream = socket.create_connection(self._server)
            threading.Thread(target=self._pass_on, args=(client, upstream, True), daemon=True).start()
            threading.Thread(target=self._pass_on, args=(upstream, client, False), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, is_request: bool) -> None:
        seen = b""
        with source, target:
            while True:
                try:
                    data = source.recv(1 << 16)
                    seen = (seen + data)[-(1 << 20) :] if is_request else b""
                    target.sendall(data)
                except OSError:
                    return
                # Half a megabyte of the eight has been passed on.
                if not data or len(seen.partition(self._request)[2]) > 1 << 19:
                    if data:
                        self.begun.set()
                    return
