"""Files of vectors as people publish, cut, export and rename them: each is loaded, or refused by name with a cure."""

from __future__ import annotations

import gzip
import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import call, call_for_lines

import w2v_cli as w2v
from w2v_cli.errors import ConfigError, ModelFileError
from w2v_cli.formats.model_file import ModelFile
from w2v_cli.formats.reading import ReadOptions


def read(path: Path, content: bytes, **options: Any) -> tuple[dict[str, list[float]], list[str]]:
    """Write a file and return its vectors by word, and the remarks about it."""
    path.write_bytes(content)
    with ModelFile(path, ReadOptions(**options)) as file:
        vectors = file.vectors
    return dict(zip(vectors.words, vectors.matrix.tolist(), strict=True)), file.remarks


def refused(path: Path, content: bytes, **options: Any) -> ModelFileError:
    with pytest.raises(ModelFileError) as caught:
        read(path, content, **options)
    assert caught.value.hint
    return caught.value


REPEATED_TEXT = b"6 1\nup 1\ndown 2\nup 3\nleft 4\ndown 5\nup 6\n"
REPEATED_BINARY = b"6 1\n" + b"".join(
    word + b" " + struct.pack("<f", number)
    for number, word in enumerate([b"up", b"down", b"up", b"left", b"down", b"up"], 1)
)


@pytest.mark.parametrize(
    ("name", "content", "later", "earlier"),
    [("a.vec", REPEATED_TEXT, "line 4", "line 2"), ("a.bin", REPEATED_BINARY, "byte 20", "byte 4")],
)
def test_the_first_vector_of_a_repeated_word_is_kept(
    tmp_path: Path, name: str, content: bytes, later: str, earlier: str
) -> None:
    vectors, remarks = read(tmp_path / name, content)
    assert vectors == {"up": [1], "down": [2], "left": [4]}
    assert len(remarks) == 1 and f"{later}: the word up was there before, {earlier}" in remarks[0]
    assert "3 repeated words dropped" in remarks[0]
    error = refused(tmp_path / name, content, repeats="error")
    assert f"{later}: the word up was there before, {earlier}" in error.message and "--repeats" in str(error.hint)


def test_thousands_of_repeated_words_leave_every_other_row_with_its_own_vector(tmp_path: Path) -> None:
    rows = [(number * 7 % 5000, number) for number in range(12_000)]
    content = b"".join(b"w%d %d -%d\n" % (word, number, number) for word, number in rows)
    vectors, _ = read(tmp_path / "a.glove", content)
    expected: dict[str, list[float]] = {}
    for word, number in rows:
        expected.setdefault(f"w{word}", [number, -number])
    assert vectors == expected


def test_python_warns_of_what_was_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.vec").write_bytes(REPEATED_TEXT)
    with pytest.warns(UserWarning, match="3 repeated words dropped"):
        assert list(w2v.load(tmp_path / "a.vec").words) == ["up", "down", "left"]
    with pytest.raises(ModelFileError, match="was there before"):
        w2v.load(tmp_path / "a.vec", repeats="error")
    for wrong in ({"errors": "strikt"}, {"repeats": "last"}, {"format": "npy"}):
        with pytest.raises(ConfigError):
            w2v.load(tmp_path / "a.vec", **wrong)  # type: ignore[arg-type]


ODD = b"4 2\ngood 1 2\n%b 3 4\nb\xfcro 5 6\nfine 7 8\n"


@pytest.mark.parametrize("odd", [b" ", b"\t", b" \t", b"", b" early"])
def test_words_of_white_space_and_bad_bytes_are_refused_kept_or_left_out(tmp_path: Path, odd: bytes) -> None:
    content = ODD % odd
    error = refused(tmp_path / "a.txt", content)
    assert "line 3" in error.message and "--errors replace" in str(error.hint)
    vectors, remarks = read(tmp_path / "a.txt", content, errors="replace")
    assert vectors == {"good": [1, 2], odd.decode() or "\ufffd": [3, 4], "b\ufffdro": [5, 6], "fine": [7, 8]}
    assert any("U+FFFD" in remark for remark in remarks)
    vectors, remarks = read(tmp_path / "a.txt", content, errors="ignore")
    left = {"early": [3, 4]} if odd == b" early" else {}
    assert vectors == {"good": [1, 2], **left, "bro": [5, 6], "fine": [7, 8]}
    assert any("line 3" in remark for remark in remarks)


def test_white_space_words_of_binary_files_can_be_kept_too(tmp_path: Path) -> None:
    content = b"3 1\n" + b"".join(word + b" " + struct.pack("<f", 0.5) for word in (b"\t", b"x\ty", b"\xff"))
    assert "--errors" in str(refused(tmp_path / "a.bin", content).hint)
    assert list(read(tmp_path / "a.bin", content, errors="replace")[0]) == ["\t", "x\ty", "\ufffd"]
    assert list(read(tmp_path / "a.bin", content, errors="ignore")[0]) == ["x\ty"]


@pytest.mark.parametrize(
    "command",
    [
        ["similar", "-m", "a.txt", "good"],
        ["analogy", "-m", "a.txt", "good", "fine", "good"],
        ["odd", "-m", "a.txt", "good", "fine", "bro"],
        ["distance", "-m", "a.txt", "good", "fine"],
        ["eval", "-m", "a.txt", "gold.txt"],
        ["info", "a.txt"],
        ["convert", "a.txt", "b.safetensors"],
    ],
)
def test_every_command_that_reads_vectors_takes_the_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_bytes(b"9" + ODD[1:] % b"good")
    Path("gold.txt").write_text("good fine 3\ngood bro 2\nfine bro 1\n")
    code, _, err = call(capsys, *command, "--lenient")
    assert code == 3 and "--errors" in err
    code, _, err = call(capsys, *command, "--errors", "ignore")
    assert code == 3 and "--lenient" in err
    code, _, err = call(capsys, *command, "--errors", "ignore", "--lenient")
    assert code == 0 and "promises 9 words, but 4 lines follow" in err and "1 repeated word dropped" in err
    assert call(capsys, *command, "--errors", "ignore", "--lenient", "--repeats", "error")[0] == 3


def test_the_shell_passes_the_options_of_reading_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import io

    (tmp_path / "a.txt").write_bytes(ODD % b" ")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"distance good fine\n")))
    code, out, _ = call_for_lines(capsys, "shell", "-m", str(tmp_path / "a.txt"), "--errors", "ignore")
    assert code == 0 and out == ["good\tfine\t0.9676"]


def test_numbers_are_read_from_the_right_if_the_first_line_says_how_many_there_are(tmp_path: Path) -> None:
    content = "5 2\na 1 2\n10 000 3 4\n1 2 3 5 6\nR$ 5,5 7 8\nm² 3 9 10\n".encode()
    vectors, _ = read(tmp_path / "a.txt", content)
    assert vectors == {"a": [1, 2], "10 000": [3, 4], "1 2 3": [5, 6], "R$ 5,5": [7, 8], "m² 3": [9, 10]}
    # Without the first line, a number more is an error: the line may be damaged.
    assert "line 2: expected a word and 2 numbers" in refused(tmp_path / "b.txt", content.split(b"\n", 1)[1]).message


def test_a_first_line_whose_d_is_too_small_is_refused_although_words_may_end_in_numbers(tmp_path: Path) -> None:
    content = b"2 2\na 1 2 3\nb 4 5 6\n"
    error = refused(tmp_path / "a.txt", content)
    assert "line 2: expected a word and 2 numbers, found 3" in error.message and "--lenient" in str(error.hint)
    assert list(read(tmp_path / "a.txt", content, lenient=True)[0]) == ["a 1", "b 4"]


def test_unicode_spaces_and_next_line_are_words(tmp_path: Path) -> None:
    words = ["\x85", "\u2028", "\u3000", "<unk>", ". . .", "\u00a0"]
    content = "\n".join(f"{word} {row} {-row}" for row, word in enumerate(["x", *words]))
    vectors, _ = read(tmp_path / "glove.txt", content.encode() + b"\n")
    assert vectors == {word: [row, -row] for row, word in enumerate(["x", *words])}


@pytest.mark.parametrize("name", ["a.vec", "a.glove"])
def test_a_last_line_without_a_newline_is_loaded_if_it_is_complete(tmp_path: Path, name: str) -> None:
    content = (b"2 2\n" if name == "a.vec" else b"") + b"a 1 2\nb 3 4.25"
    vectors, remarks = read(tmp_path / name, content)
    assert vectors == {"a": [1, 2], "b": [3, 4.25]}
    assert len(remarks) == 1 and "ends without a newline" in remarks[0]
    error = refused(tmp_path / name, content[:-5])
    assert "does not end" in error.message and "--lenient" in str(error.hint)
    vectors, _ = read(tmp_path / name, content[:-5], lenient=True)
    assert vectors == {"a": [1, 2]}


@pytest.mark.parametrize(("promised", "how"), [(5000, "is cut short"), (2, "has too many lines")])
def test_a_first_line_with_another_number_of_words_is_named_with_both_numbers(
    tmp_path: Path, promised: int, how: str
) -> None:
    content = b"%d 2\na 1 2\nb 3 4\nc 5 6\n" % promised
    error = refused(tmp_path / "a.vec", content)
    assert how in error.message and f"promises {promised:,} words, but 3 lines follow" in error.message
    assert "--lenient" in str(error.hint)
    vectors, remarks = read(tmp_path / "a.vec", content, lenient=True)
    assert vectors == {"a": [1, 2], "b": [3, 4], "c": [5, 6]} and how in remarks[0]


def test_what_is_left_of_a_cut_binary_or_gzip_file_can_be_loaded(tmp_path: Path) -> None:
    rows = b"".join(b"w%d " % n + struct.pack("<2f", n, -n) + b"\n" for n in range(10))
    vectors, remarks = read(tmp_path / "a.bin", b"10000 2\n" + rows[:-5], lenient=True)
    assert vectors == {f"w{n}": [n, -n] for n in range(9)} and "of the 10,000" in remarks[0]
    assert "--lenient" in str(refused(tmp_path / "a.bin", b"10 2\n" + rows[:-5]).hint)
    numbers = np.random.default_rng(0).standard_normal((3000, 2)).astype(np.float32).tolist()
    packed = gzip.compress(b"3000 2\n" + b"".join(b"w%d %r %r\n" % (n, *row) for n, row in enumerate(numbers)))
    assert "--lenient" in str(refused(tmp_path / "a.vec.gz", packed[:-2000]).hint)


def test_bad_lines_are_left_out_on_request_and_every_other_word_keeps_its_vector(tmp_path: Path) -> None:
    lines = [b"w%d %d 0.5" % (n, n) for n in range(20)]
    lines[3], lines[7], lines[11], lines[12] = b"w3 nan 0.5", b"", b"w11 11", b"w12 0,5 0.5"
    content = b"20 2\n" + b"\n".join(lines) + b"\n"
    assert "line 5: “nan” is not a number, in the vector of w3" in refused(tmp_path / "a.vec", content).message
    vectors, remarks = read(tmp_path / "a.vec", content, lenient=True)
    assert vectors == {f"w{n}": [n, 0.5] for n in range(20) if n not in (3, 7, 11, 12)}
    assert len(remarks) == 1 and "line 5: “nan”" in remarks[0] and "4 such lines left out" in remarks[0]
    again = content.replace(b"w19 19", b"w5 19")
    assert "line 21: the word w5 was there before, line 7" in read(tmp_path / "a.vec", again, lenient=True)[1][1]
    assert "line 2" in refused(tmp_path / "a.vec", b"1 1\na nan\n", lenient=True).message


@pytest.mark.parametrize("name", ["a.tsv", "a.txt", "a.vec", "a", "a.emb"])
@pytest.mark.parametrize(
    "content",
    [
        b"moon\t1\t0\nsun\t0.5\t0.25\n",
        b"2\t2\nmoon\t1\t0\nsun\t0.5\t0.25\n",
        b"2 2\nmoon 1 0 \nsun 0.5 0.25 \n",
        b"2 2\nmoon 1 0\nsun .5 2.5e-01",
        b"moon  1  0\r\nsun  +0.5  0.25\r\n",
    ],
)
def test_tabs_and_short_numbers_are_text_under_any_name(tmp_path: Path, name: str, content: bytes) -> None:
    assert read(tmp_path / name, content)[0] == {"moon": [1, 0], "sun": [0.5, 0.25]}


def test_a_projector_file_has_no_words_and_says_so(tmp_path: Path) -> None:
    assert "has no words" in refused(tmp_path / "a.tsv", b"0.5\t1\n-2\t1e-5\n").message
    years = b"1984\t0.5\t1\nyear\t2\t3\n"
    assert read(tmp_path / "a.tsv", years)[0] == {"1984": [0.5, 1], "year": [2, 3]}


@pytest.mark.parametrize("name", ["a.bin", "a.txt", "a"])
def test_content_decides_between_text_and_binary_if_the_suffix_is_wrong(tmp_path: Path, name: str) -> None:
    binary = b"2 2\n" + b"".join(
        word + b" " + struct.pack("<2f", *row) + b"\n" for word, row in ((b"moon", (1, 0)), (b"sun", (0.5, 0.25)))
    )
    expected = {"moon": [1, 0], "sun": [0.5, 0.25]}
    assert read(tmp_path / name, binary)[0] == expected
    assert read(tmp_path / name, b"2 2\nmoon 1 0\nsun 0.5 0.25\n")[0] == expected


def test_binary_numbers_that_are_bytes_of_digits_are_binary(tmp_path: Path) -> None:
    digits = b"1 1\na " + b"0.25"
    assert read(tmp_path / "a.bin", digits)[0] == {"a": [pytest.approx(struct.unpack("<f", b"0.25")[0])]}


@pytest.mark.parametrize(
    ("content", "quoted"),
    [
        (b"V1 V2\nmoon 1 0\nsun 0.5 0.25\n", False),
        (b'"V1" "V2"\n"moon" 1 0\n"sun" 0.5 0.25\n', True),
        (b'"moon"\t1\t0\n"sun"\t0.5\t0.25\n', True),
        (b"word dim0 dim1\nmoon 1 0\nsun 0.5 0.25\n", False),
    ],
)
@pytest.mark.parametrize("name", ["a.txt", "a"])
def test_tables_of_r_lose_their_column_names_and_quotation_marks(
    tmp_path: Path, name: str, content: bytes, quoted: bool
) -> None:
    vectors, remarks = read(tmp_path / name, content)
    assert vectors == {"moon": [1, 0], "sun": [0.5, 0.25]}
    assert ("quotation marks" in " ".join(remarks)) == quoted and (
        "names columns" in " ".join(remarks) or b'"moon"\t' in content
    )


def test_words_in_quotation_marks_may_hold_blanks_and_escaped_marks(tmp_path: Path) -> None:
    content = b'"V1" "V2"\n"New York" 1 0\n"a \\"b\\"" 0.5 0.25\n"c" 3 4\n'
    assert list(read(tmp_path / "a.txt", content)[0]) == ["New York", 'a "b"', "c"]
    assert list(read(tmp_path / "b.txt", b'"a" 1\nb" 2\n')[0]) == ['"a"', 'b"']


def test_what_savetxt_writes_is_read_exactly(tmp_path: Path) -> None:
    matrix = np.random.default_rng(1).standard_normal((5, 4))
    rows = "\n".join(f"w{n} " + " ".join(f"{x:.18e}" for x in row) for n, row in enumerate(matrix))
    vectors, _ = read(tmp_path / "a.txt", f"{rows}\n".encode())
    assert list(vectors.values()) == matrix.astype(np.float32).tolist()


@pytest.mark.parametrize(
    ("content", "cure"),
    [
        (b"moon,1,0\nsun,0.5,0.25\n", "tr ',' ' '"),
        (b'"","V1","V2"\n"moon",1,0\n"sun",0.5,0.25\n', "tr ',' ' '"),
        (b"wort;x;y\nmond;1,0;0,5\nsonne;2,5;3,0\n", "tr ';,' ' .'"),
    ],
)
@pytest.mark.parametrize("name", ["a.csv", "a.txt"])
def test_csv_is_refused_with_a_command_that_converts_it(tmp_path: Path, name: str, content: bytes, cure: str) -> None:
    import subprocess

    error = refused(tmp_path / name, content)
    assert "is CSV" in error.message and cure in str(error.hint)
    command = str(error.hint).partition(": ")[2]
    subprocess.run(command, shell=True, cwd=tmp_path, check=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert len(w2v.load(tmp_path / "vectors.txt")) == 2


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("m.h5", b"\x89HDF\r\n\x1a\n" + bytes(50), "HDF5"),
        ("m.magnitude", b"SQLite format 3\0" + bytes(50), "SQLite"),
        ("m.fifu", b"FiFu" + bytes(50), "finalfusion"),
        ("m.model", b"\x80\x04\x95" + bytes(50), "pickle"),
        ("m.pkl", b"(dp0\nS'vectors'\n", "pickle"),
        ("m.npz", b"PK\x03\x04" + bytes(50), "numpy archive"),
        ("m.zip", b"PK\x03\x04" + bytes(50), "zip archive"),
        ("m.txt", b"%PDF-1.5\n", "PDF"),
        ("m.vec", b"<!doctype html><title>404</title>", "web page"),
        ("m.vec", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "Git LFS"),
        ("m.json", b'{"cat": [1, 2]}\n', "JSON"),
        ("m.vec.bz2", b"BZh91AY&SY" + bytes(50), "is damaged"),
        ("m.vec.xz", b"\xfd7zXZ\0" + bytes(50), "is damaged"),
        ("m.vec.zst", b"\x28\xb5\x2f\xfd" + bytes(50), "is damaged"),
        ("m.vec.gz", gzip.compress(b"model.vec".ljust(257, b"\0") + b"ustar" + bytes(300), mtime=0), "tar archive"),
        ("m.parquet", b"PAR1" + bytes(50), "Parquet"),
        ("m.txt", "a 1 2\n".encode("utf-16"), "UTF-16"),
    ],
)
def test_files_of_other_programs_are_named_and_the_hint_is_a_cure(
    tmp_path: Path, name: str, content: bytes, what: str
) -> None:
    assert what in refused(tmp_path / name, content).message


def test_a_word_that_looks_like_the_beginning_of_another_format_is_a_word(tmp_path: Path) -> None:
    for word in ("{", "[", '{"', "PAR1", "%PDF", "FiFu", "GGUF", "(dp0", "PK"):
        assert list(read(tmp_path / "a.txt", f"{word} 1 2\nb 3 4\n".encode())[0]) == [word, "b"]


@pytest.mark.parametrize("number", ["nan", "NaN", "inf", "-Infinity", "0,5", "0x1p-3", "1_000", "--1", "1e", "."])
@pytest.mark.parametrize("header", ["3 2\n", ""])
def test_what_is_no_number_is_refused_with_its_line_and_word(tmp_path: Path, number: str, header: str) -> None:
    error = refused(tmp_path / "a.txt", f"{header}a 1 2\nbee {number} 2\nc 1 2\n".encode())
    line = 3 if header else 2
    assert f"line {line}: “{number}” is not a number, in the vector of bee" in error.message


def test_odd_spellings_of_numbers_are_read(tmp_path: Path) -> None:
    vectors, _ = read(tmp_path / "a.txt", b"2 4\na 1e-45 1.0e+02 -.5 5.\nb +1 1E3 0003 1.4013e-45\n")
    least = float(np.float32(1.4013e-45))
    assert vectors == {"a": [least, 100, -0.5, 5], "b": [1, 1000, 3, least]}


@pytest.mark.parametrize("dim", [3, 20, 100])
@pytest.mark.parametrize("phrase", ["New York", "a b", "rock and roll", "x and y", "one two three four"])
@pytest.mark.parametrize("errors", ["strict", "replace"])
def test_a_binary_file_with_blanks_in_words_never_gives_shifted_vectors(
    tmp_path: Path, dim: int, phrase: str, errors: str
) -> None:
    for seed in range(10):
        matrix = (np.random.default_rng(seed).standard_normal((5, dim)) / 5).astype("<f4")
        words = ["the", phrase, "of", "is", "in"]
        content = b"5 %d\n" % dim + b"".join(
            word.encode() + b" " + row.tobytes() for word, row in zip(words, matrix, strict=True)
        )
        error = refused(tmp_path / "a.bin", content, errors=errors)
        assert "blank" in str(error.hint) or "UTF-8" in error.message


def test_large_numbers_in_a_binary_file_are_no_words(tmp_path: Path) -> None:
    row = [1e30, -3.4e38, float(np.frombuffer(b"and ", "<f4")[0]), 7e22]
    content = b"1 4\nword " + struct.pack("<4f", *row)
    assert read(tmp_path / "a.bin", content)[0]["word"] == np.array(row, np.float32).tolist()


ROWS = b"boat 1 2 3\nship 1 2 4\nsea -3 1 0.5\n"
BINARY_ROWS = b"".join(
    line.split()[0] + b" " + struct.pack("<3f", *map(float, line.split()[1:])) + b"\n" for line in ROWS.splitlines()
)


@pytest.mark.parametrize("header", [b"3  3\n", b" 3 3\n", b"\t3 \t3 \t\r\n"])
@pytest.mark.parametrize(("name", "rows"), [("a.vec", ROWS), ("a.bin", BINARY_ROWS), ("a", ROWS), ("b", BINARY_ROWS)])
def test_a_header_may_have_more_blanks(tmp_path: Path, header: bytes, name: str, rows: bytes) -> None:
    vectors, _ = read(tmp_path / name, header + rows)
    assert vectors == {"boat": [1, 2, 3], "ship": [1, 2, 4], "sea": [-3, 1, 0.5]}


def test_the_text_of_glove_may_be_named_bin(tmp_path: Path) -> None:
    assert list(read(tmp_path / "a.bin", ROWS)[0]) == ["boat", "ship", "sea"]


@pytest.mark.parametrize(("name", "separator"), [("a.tsv", b"\t"), ("a.txt", b"\t"), ("a.txt", b" ")])
def test_the_columns_that_pandas_counts_are_no_vector(tmp_path: Path, name: str, separator: bytes) -> None:
    content = b" 0 1 2\n" + ROWS
    vectors, remarks = read(tmp_path / name, content.replace(b" ", separator))
    assert list(vectors) == ["boat", "ship", "sea"] and "names columns" in remarks[0]


@pytest.mark.parametrize(
    ("name", "content", "what", "hint"),
    [
        ("mac.vec", b"3 3\r" + ROWS.replace(b"\n", b"\r"), "old Macs", r"tr '\r' '\n'"),
        ("a.txt", b"boat [1.0, 2.0]\nship [2.0, 3.0]\n", "in brackets", "join"),
        ("a.vec", b"2 2\nboat [ 1.  2.]\nship [2. 3.]\n", "in brackets", "join"),
        ("ppmi.txt", b"boat 1:0.5 7:0.25\nship 2:1.5\n", "sparse", "zeros"),
        ("ppmi.vec", b"2 9\nboat 1:0.5 7:0.25\nship 2:1.5\n", "sparse", "zeros"),
        ("a.jsonl", b'{"event": "start", "run": "0", "corpus": ["a"]}\n', "the log of a run, not vectors", "w2v log"),
        ("a.floret", b"2 3 2 3 2 77 < >\n0 1 2 3\n1 4 5 6\n", "another seed or other marks than floret", "2166136261"),
        ("words.tsv", b"the\t900\nboat\t31\nship\t31\nsea\t4\n", "their counts", "--format glove"),
        ("vocab.txt", b"the 900\nboat 31\n", "their counts", "--format glove"),
        ("a.tsv", b"boat\t1,2,3\nship\t1,2,4\n", "“1,2,3” is not a number", "tr ',' ' '"),
        ("a.txt", b"boat 1 2\nship NA 2\n", "“NA” is not a number", "is missing"),
        ("a.safetensors", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS", "git lfs pull"),
        ("a.safetensors", b"<!DOCTYPE html>\n", "web page", "download"),
    ],
)
def test_what_is_like_vectors_is_refused_by_name(
    tmp_path: Path, name: str, content: bytes, what: str, hint: str
) -> None:
    error = refused(tmp_path / name, content)
    assert what in error.message and hint in str(error.hint)


def test_counts_are_vectors_if_the_format_is_named(tmp_path: Path) -> None:
    assert read(tmp_path / "a.txt", b"the 900\nboat 31\n", format="glove")[0] == {"the": [900], "boat": [31]}
    assert read(tmp_path / "a.txt", b"2 1\nthe 900\nboat 31\n")[0] == {"the": [900], "boat": [31]}
