"""Texts in other encodings than UTF-8: they are read, or the error says which encoding it may be; damage is counted."""

from __future__ import annotations

import codecs
import hashlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import w2v_cli as w2v
from w2v_cli.cli.main import run
from w2v_cli.config import TrainConfig
from w2v_cli.corpus.encodings import encoding_name
from w2v_cli.corpus.guess import encoding_hint, likely_encodings, utf16_or_32
from w2v_cli.corpus.text_options import TextOptions
from w2v_cli.corpus.texts import Texts
from w2v_cli.errors import ConfigError, CorpusError
from w2v_cli.training.job import load_job
from w2v_cli.training.run import resume_training, train_model

# The encoding, and some prose in a language that is written in it.
PROSE = {
    "windows-1252": "Der Müßiggänger saß im Café und las „Die Straße“ – für fünf €",
    "windows-1250": "Kůň běžel přes louku a v řece plaval žlutý člun s dětmi",
    "iso-8859-2": "Wczoraj wieczorem poszliśmy na spacer wzdłuż rzeki, było już późno i ciężko",
    "windows-1254": "Sabahleyin çarşıya gittik ve akşam yağmur yağdığı için döndük",
    "cp1251": "Вчера вечером мы долго гуляли по берегу реки, и было уже темно",
    "koi8-r": "Вчера вечером мы долго гуляли по берегу реки, и было уже темно",
    "cp866": "Вчера вечером мы долго гуляли по берегу реки, и было уже темно",
    "windows-1253": "Σήμερα ο καιρός είναι καλός και πήγαμε στη θάλασσα",
    "windows-1255": "אתמול בערב הלכנו לאורך הנהר וכבר היה חשוך מאוד",
    "windows-1256": "ذهبنا أمس في المساء إلى النهر وكان الجو جميلا",
    "cp874": "เมื่อวานนี้เราไปเดินเล่นริมแม่น้ำและอากาศดีมาก",
    "shift_jis": "昨日の夜、私たちは川に沿って散歩しました。とても静かでした。",
    "euc-jp": "昨日の夜、私たちは川に沿って散歩しました。とても静かでした。",
    "gb18030": "昨天晚上我们在河边散步，那里的人不多，天已经黑了。",
    "big5": "昨天晚上我們在河邊散步，那裡的人不多，天已經黑了。",
    "euc-kr": "어제 저녁에 우리는 강을 따라 산책을 했고 날씨가 좋았다",
    "utf-16-le": "Вчера вечером мы долго гуляли",
    "utf-16-be": "we walked along the river",
    "utf-32-le": "we walked along the river",
}


def read(path: Path, piece_bytes: int = 1 << 20, **options: str) -> tuple[str, list[str]]:
    """Return the text of a file, and what is remarked on it."""
    remarks: list[str] = []
    texts = Texts([str(path)], TextOptions(**options), remarks.append)  # type: ignore[arg-type]
    return b"".join(piece.data for piece in texts.pieces(piece_bytes)).decode(), remarks


@pytest.mark.parametrize("encoding", PROSE)
@pytest.mark.parametrize("piece_bytes", [1, 7, 1 << 20])
def test_a_text_is_read_in_its_encoding_wherever_it_is_cut(tmp_path: Path, encoding: str, piece_bytes: int) -> None:
    text = f"{PROSE[encoding]}\nab cd\n"
    (tmp_path / "t.txt").write_bytes(text.encode(encoding))
    assert read(tmp_path / "t.txt", piece_bytes, encoding=encoding)[0] == text + "\n"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig", "utf-16-le", "utf-16-be"])
def test_a_byte_order_mark_is_no_word(tmp_path: Path, encoding: str) -> None:
    mark = "\ufeff" if encoding.endswith("e") else ""
    (tmp_path / "t.txt").write_bytes(f"{mark}first été\n".encode(encoding))
    assert read(tmp_path / "t.txt", 3, encoding=encoding)[0] == "first été\n\n"


@pytest.mark.parametrize("encoding", PROSE)
def test_the_error_suggests_the_encoding(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "t.txt").write_bytes(f"{PROSE[encoding]}\n".encode(encoding) * 3)
    with pytest.raises(CorpusError, match=r"t\.txt is not UTF-8") as caught:
        read(tmp_path / "t.txt")
    first = re.search(r"--encoding ([\w-]+)", str(caught.value.hint))
    assert first is not None and first[1] == encoding, caught.value.hint
    assert likely_encodings(PROSE[encoding].encode(encoding))[0] == encoding


def test_the_error_names_the_byte_and_shows_the_word(tmp_path: Path) -> None:
    text = "plain words first\n" * 100_000 + "then crème brûlée and naïve\n"
    (tmp_path / "t.txt").write_bytes(text.encode("latin-1"))
    place = text.index("è")
    with pytest.raises(CorpusError, match=f"is not UTF-8 at byte {place:,} ") as caught:
        read(tmp_path / "t.txt")
    assert "--encoding windows-1252 (crème)" in str(caught.value.hint)
    assert "--errors replace" in str(caught.value.hint)


def test_a_text_that_is_nearly_utf8_is_not_said_to_be_something_else() -> None:
    data = "Vögel, Bäume, Flüsse und Wälder ".encode() * 5 + b"f\xfcr"
    assert "nearly all of it is UTF-8" in encoding_hint(data, len(data) - 2, "utf-8")


def test_utf8_that_is_said_to_be_something_else_is_remarked_on(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_bytes("deux étés, trois hôtels\n".encode())
    assert read(tmp_path / "t.txt", encoding="cp1252")[1] == [
        f"{tmp_path / 't.txt'} looks like UTF-8: is --encoding cp1252 right?"
    ]


def test_a_wrong_encoding_is_an_error_with_the_byte(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_bytes("一二三 四五六 été".encode())
    with pytest.raises(CorpusError, match=r"t.txt is not ascii at byte 0 ") as caught:
        read(tmp_path / "t.txt", encoding="ascii")
    assert "--encoding utf-8" in str(caught.value.hint)
    (tmp_path / "k.txt").write_bytes("日本 ".encode("shift_jis") * 20 + b"\xff")
    with pytest.raises(CorpusError, match="is not shift_jis at byte 100 "):
        read(tmp_path / "k.txt", 7, encoding="shift_jis")
    (tmp_path / "odd.txt").write_bytes("ab".encode("utf-16-le") + b"c")
    with pytest.raises(CorpusError, match="is not utf-16-le at byte 4 "):
        read(tmp_path / "odd.txt", 3, encoding="utf-16-le")


@pytest.mark.parametrize("name", ["nonsense", "rot13", "base64", "", "a\0b", 5])
def test_an_encoding_that_python_does_not_have_is_refused(name: object) -> None:
    with pytest.raises(ConfigError, match=r"--encoding .* is not an encoding that Python knows"):
        TextOptions(encoding=name)  # type: ignore[arg-type]


def test_utf16_that_is_none_is_told_what_it_may_be(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("Das Café war geöffnet, und das Mädchen schlief.\n".encode("cp1252") * 9)
    with pytest.raises(CorpusError, match="is not utf-16") as caught:
        read(tmp_path / "a.txt", encoding="utf-16")
    assert "--encoding windows-1252 (Café)" in str(caught.value.hint)


def test_all_names_of_an_encoding_are_the_same() -> None:
    assert encoding_name("Windows-1252") == encoding_name("cp1252") == "cp1252"
    assert {encoding_name(name) for name in ("UTF8", "utf-8", "utf_8", "utf-8-sig")} == {"utf-8"}


@pytest.mark.parametrize(
    ("errors", "text", "remark"),
    [
        ("replace", "ab\ufffd\ufffd c\nd\n\ufffd e\n\n", "3 bytes in 2 lines replaced"),
        ("ignore", "ab c\nd\n e\n\n", "3 bytes in 2 lines ignored"),
    ],
)
@pytest.mark.parametrize("piece_bytes", [1, 2, 3, 1 << 20])
def test_bytes_that_do_not_fit_are_counted(
    tmp_path: Path, errors: str, text: str, remark: str, piece_bytes: int
) -> None:
    (tmp_path / "t.txt").write_bytes(b"ab\xff\xfe c\nd\n\xe9 e\n")
    assert read(tmp_path / "t.txt", piece_bytes, errors=errors) == (text, [remark])


def test_no_damage_is_no_remark_and_one_byte_is_one_byte(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("ab é\n")
    assert read(tmp_path / "t.txt", errors="replace") == ("ab é\n\n", [])
    (tmp_path / "t.txt").write_bytes(b"\x81")
    assert read(tmp_path / "t.txt", encoding="cp1252", errors="replace") == ("\ufffd\n", ["1 byte in 1 line replaced"])


@given(st.binary(max_size=60), st.sampled_from(["utf-8", "cp1252", "shift_jis", "gb18030", "big5", "utf-16-le"]))
def test_bytes_are_replaced_as_python_does(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, encoding: str
) -> None:
    # A long text without zeros around it, so that the file is not taken for one of another kind.
    data = b"ab \n" * 400 + data
    path = tmp_path_factory.mktemp("text") / "t.txt"
    path.write_bytes(data)
    for errors in ("replace", "ignore"):
        # Which characters an incomplete sequence becomes depends on whether the codec decodes all at once.
        decoder = codecs.getincrementaldecoder(encoding)(errors)
        assert (
            read(path, 1 << 20, errors=errors, encoding=encoding)[0]
            == decoder.decode(data) + decoder.decode(b"", True) + "\n"
        )


def test_the_fingerprint_is_that_of_the_bytes_whatever_the_encoding(tmp_path: Path) -> None:
    data = "día año\n".encode("utf-16-be") * 99
    (tmp_path / "t.txt").write_bytes(data)
    texts, digest = Texts([str(tmp_path / "t.txt")], TextOptions(encoding="utf-16-be")), hashlib.sha256()
    list(texts.pieces(7, digest))
    assert digest.hexdigest() == texts.fingerprint() == hashlib.sha256(data).hexdigest()


def test_the_encoding_is_recorded_and_a_run_goes_on_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.txt").write_bytes("día año niño\n".encode("cp1252") * 50)
    options = TextOptions(encoding="windows-1252")
    config = TrainConfig(dim=2, epochs=1, min_count=1, threads=1, engine="reference")
    train_model(["t.txt"], config, options, "model", checkpoint="run")
    assert load_job(Path("run")).texts.options == options
    model = w2v.load("model")
    assert model.training_options()[1] == options and set(model.words) == {"día", "año", "niño"}
    resume_training("run", {"encoding": "cp1252", "output": "model"})
    for command in (["vocab", "t.txt"], ["phrases", "t.txt", "-o", "joined.txt"]):
        with pytest.raises(SystemExit) as caught:
            run([*command, "-q", "--encoding", "CP1252"])
        assert caught.value.code == 0
    assert "día\t50\n" in capfd.readouterr().out and "niño" in Path("joined.txt").read_text()


def test_the_commands_say_how_many_bytes_were_replaced(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "t.txt").write_bytes(b"caf\xe9 noir\ncaf\xe9 caf\xe9\n")
    for command in (["vocab"], ["phrases", "-o", str(tmp_path / "joined.txt")]):
        with pytest.raises(SystemExit):
            run([*command, str(tmp_path / "t.txt"), "--errors", "replace"])
        assert "3 bytes in 2 lines replaced" in capfd.readouterr().err
    model = w2v.train(str(tmp_path / "t.txt"), encoding="latin-1", min_count=1, dim=2, epochs=1, threads=1)
    assert "café" in model


def test_sentences_in_python_have_no_encoding() -> None:
    with pytest.raises(ConfigError, match="--encoding cp1252 has no meaning for sentences"):
        w2v.train([["déjà", "vu"]] * 9, encoding="cp1252")
    assert "déjà" in w2v.train([["déjà", "vu"]] * 9, encoding="UTF8", dim=2, epochs=1, threads=1)


def test_utf16_is_told_from_ascii_with_zeros() -> None:
    assert utf16_or_32("the cat".encode("utf-16-le")) == "utf-16-le"
    assert utf16_or_32(b"a\0b a\0b c\0d c\0d") is None
    assert utf16_or_32(b"plain text") is None
