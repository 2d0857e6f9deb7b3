"""Names of files: what is a URL, and what of it a message may show."""

from __future__ import annotations

import pytest

from w2v_cli.errors import CorpusError, without_secrets
from w2v_cli.storage.urls import absolute_path, is_url, joined, local_path, lower_protocols, protocol_of, without_query


@pytest.mark.parametrize(
    "name",
    ["s3://bucket/a.txt", "S3://b/a", "https://host/a", "zip://*.txt::s3://b/a.zip", "filecache::s3://b/a", "hf://x"],
)
def test_a_url_is_told_from_a_path(name: str) -> None:
    assert is_url(name) and absolute_path(name) == name


@pytest.mark.parametrize("name", ["a.txt", "/a/b", "-", "C:/a", "s3:/bucket/a", "a::b", "file:///a", "Local:///a", ""])
def test_a_path_is_no_url(name: str) -> None:
    assert not is_url(name)


def test_a_url_of_this_machine_is_a_path() -> None:
    assert local_path("file:///home/me/a%20b.txt") == "/home/me/a b.txt"
    assert local_path("file://localhost/a") == "/a"
    assert local_path("a%20b.txt") == "a%20b.txt"
    assert local_path("s3://b/a%20b") == "s3://b/a%20b"
    assert absolute_path("file:///home/me/a%20b.txt") == "/home/me/a b.txt"


def test_the_suffix_of_a_web_address_is_that_of_its_file() -> None:
    assert without_query("https://host/a.txt.gz?download=1#top") == "https://host/a.txt.gz"
    assert without_query("s3://b/what?.txt") == "s3://b/what?.txt"
    assert without_query("what?.txt") == "what?.txt"


def test_protocols_may_have_capitals_and_the_rest_of_a_url_keeps_its_own() -> None:
    for url, lower in (
        ("S3://Bucket/Key", "s3://Bucket/Key"),
        ("FileCache::S3://B/A::B", "filecache::s3://B/A::B"),
        ("Zip://*.TXT::HTTPS://Host/A.zip?To=Http://B", "zip://*.TXT::https://Host/A.zip?To=Http://B"),
        ("hf://Me/A", "hf://Me/A"),
    ):
        assert lower_protocols(url) == lower


def test_names_in_a_folder_are_joined() -> None:
    assert joined("s3://b/run/", "run.json") == "s3://b/run/run.json"
    assert joined("run", "run.json") == "run/run.json"
    assert protocol_of("FileCache::s3://b") == "filecache"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ftp://me:pass@host/a is missing", "ftp://***@host/a is missing"),
        ("ftp://token@host/a", "ftp://***@host/a"),
        (
            "https://h/a?X-Amz-Credential=AK%2Fx&X-Amz-Date=5&X-Amz-Signature=0f",
            "https://h/a?X-Amz-Credential=***&X-Amz-Date=5&X-Amz-Signature=***",
        ),
        ("https://h/a?download=1", "https://h/a?download=1"),
        ("mail me@host", "mail me@host"),
        ("two: ftp://a:b@h/x and ftp://c:d@h/y", "two: ftp://***@h/x and ftp://***@h/y"),
    ],
)
def test_messages_do_not_show_passwords_and_tokens(text: str, shown: str) -> None:
    assert without_secrets(text) == shown
    error = CorpusError(text, hint=text)
    assert (error.message, error.hint, str(error)) == (shown, shown, shown)
