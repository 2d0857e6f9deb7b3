"""Gold sets in the layouts in which they are published. The words and ratings are made up; the layouts are not."""

from __future__ import annotations

import bz2
import gzip
from pathlib import Path

import pytest

from w2v_cli.embeddings.gold import MOST_QUESTIONS, AnalogySet, OddSet, PairSet, read_gold, read_gold_sets
from w2v_cli.errors import GoldFileError, W2VError

PAIRS: dict[str, tuple[str, str, list[float]]] = {
    # English
    "RG-65, semicolons": ("oven;stove;3,65\nglass;magician;0,11\n", "column 3", [3.65, 0.11]),
    "MC-30, tabs": ("car\tautomobile\t3.92\nmonk\tslave\t0.55\n", "column 3", [3.92, 0.55]),
    "CSV of Excel": ("sep=;\nw1;w2;mean\nlake;sea;6,1\nlake;pen;0,5\n", "column 3 (mean)", [6.1, 0.5]),
    "WordSim-353, combined.csv": (
        "Word 1,Word 2,Human (mean)\nlake,sea,6.1\nlake,pen,0.5\n",
        "column 3 (Human (mean))",
        [6.1, 0.5],
    ),
    "WordSim-353, set1.csv": (
        "Word 1,Word 2,Human (Mean),1,2,3\nlake,sea,6.00,9,5,4\nlake,pen,1.33,0,2,2\n",
        "column 3 (Human (Mean))",
        [6.0, 1.33],
    ),
    "WordSim-353, agreed.txt": ("# t = tautology\n\nt\tsea\tsea\t10.0\ni\tlake\tpen\t0.25\n", "column 4", [10, 0.25]),
    "SimLex-999": (
        "word1\tword2\tPOS\tSimLex999\tconc(w1)\tconc(w2)\tconcQ\tAssoc(USF)\tSimAssoc333\tSD(SimLex)\n"
        "late\tearly\tA\t1.2\t2.5\t2.9\t2\t7.1\t1\t0.9\nboat\tship\tN\t8.3\t4.9\t4.8\t4\t2.2\t1\t1.1\n",
        "column 4 (SimLex999)",
        [1.2, 8.3],
    ),
    "SimVerb-3500": ("walk\tstroll\tV\t8.81\tSYNONYMS\nwalk\tboil\tV\t0.33\tNONE\n", "column 4", [8.81, 0.33]),
    "MEN, lemmas": ("moon-n night-n 44.000000\nrun-v green-j 3.000000\n", "column 3", [44, 3]),
    "MTurk-287": ("tennis,racket,4.5\ntennis,soup,1.0625\n", "column 3", [4.5, 1.0625]),
    "MTurk-771": ("gate,door,4.0416666667\ngate,soup,1.25\n", "column 3", [4.0416666667, 1.25]),
    "RareWord, the mean first": (
        "unboxing\topening\t6.67\t5\t8\t7\nunboxing\tlawn\t1.33\t0\t4\t0\n",
        "column 3",
        [6.67, 1.33],
    ),
    "raters without a header, the mean last": (
        "sea lake 5 8 7 6.67\nsea pen 0 4 0 1.33\nsea salt 3 3 6 4\n",
        "column 6",
        [6.67, 1.33, 4],
    ),
    "SCWS": (
        "1\tbank\tn\triver\tn\tat the bank\tby a river\t4.5\t5\t4\n2\tbank\tn\teat\tv\ta bank\tto eat\t1.0\t2\t0\n",
        "column 8",
        [4.5, 1.0],
    ),
    "written by pandas": (
        ",word1,word2,similarity\n0,sea,lake,0.8\n1,sea,pen,0.1\n",
        "column 4 (similarity)",
        [0.8, 0.1],
    ),
    "written by pandas, tabs": ("\tword1\tword2\tscore\n0\tsea\tlake\t8\n1\tsea\tpen\t1\n", "column 4 (score)", [8, 1]),
    "written by R": ('"w1" "w2" "score"\n"1" "sea" "lake" 8\n"2" "New York" "pen" 1\n', "column 4 (score)", [8, 1]),
    "a named index": ("p1 sea lake 8\np2 sea pen 1\np3 car pen 0\n", "column 4", [8, 1, 0]),
    "the rating first": ("score,word1,word2\n7.5,sea,lake\n0.5,sea,pen\n", "column 1 (score)", [7.5, 0.5]),
    # Other languages
    "German SimLex, the mean last": (
        "Wort 1,Wort 2,1,2,3,Mean\nMeer,See,1,9,8,7\nMeer,Stift,9,0,0,2\n",
        "column 6 (Mean)",
        [7, 2],
    ),
    "German, colons": (
        "#WORT1:WORT2:BEWERTUNG:POS1:POS2\nMeer:See:3.5:N:N\nMeer:Stift:0.25:N:N\n",
        "column 3 (BEWERTUNG)",
        [3.5, 0.25],
    ),
    "German, from a spreadsheet": (
        "Wort1;Wort2;Person A;Person B;Mittelwert;Standardabweichung\nMeer;See;3;4;3,5;0,7\nMeer;Stift;0;1;0,5;0,7\n",
        "column 5 (Mittelwert)",
        [3.5, 0.5],
    ),
    "Italian": ("Parola 1,Parola 2,1,2,Media\nmare,lago,2,8,7\nmare,penna,9,0,1\n", "column 5 (Media)", [7, 1]),
    "Russian": (
        "слово1\tслово2\tСреднее\tсд\nморе\tозеро\t0.75\t0.1\nморе\tручка\t0.01\t0\n",
        "column 3 (Среднее)",
        [0.75, 0.01],
    ),
    "Japanese": ("word1,word2,mean,sub_1,sub_2\n海,湖,8,9,7\n海,ペン,1,2,0\n", "column 3 (mean)", [8, 1]),
    "Japanese, by the header": (
        "品詞,単語1,単語2,類似度,関連度\n名詞,海,湖,7.5,8\n名詞,海,ペン,0.5,1\n",
        "column 4 (類似度)",
        [7.5, 0.5],
    ),
    "Chinese": ("海 湖 4.5\n海 笔 0.5\n", "column 3", [4.5, 0.5]),
    "Multi-SimLex": (
        "ID,CMN 1,CMN 2,POS,Annotator 1,Annotator 2,Average Score\n1,海,湖,N,6,4,5.00\n2,海,笔,N,1,0,0.50\n",
        "column 7 (Average Score)",
        [5, 0.5],
    ),
    "Polish": (
        "id\tsłowo1\tsłowo2\tsimilarity\trelatedness\n1\tmorze\tjezioro\t6\t8\n2\tmorze\tpióro\t1\t2\n",
        "column 4 (similarity)",
        [6, 1],
    ),
    "Czech and English": (
        "cs_word_1;cs_word_2;cs mean;cs_1;cs_2;en_word_1;en_word_2;en mean\n"
        "moře;jezero;7,5;8;7;sea;lake;6\nmoře;pero;1;2;0;sea;pen;2\n",
        "column 3 (cs mean)",
        [7.5, 1],
    ),
    "Swedish, a header with a hash": (
        "#Word 1\tWord 2\tAnno 1\tAnno 2\tAverage\nhav\tsjö\t1\t9\t5.0\nhav\tpenna\t4\t0\t2.0\n",
        "column 5 (Average)",
        [5, 2],
    ),
    "Vietnamese": (
        "#Word1\tWord2\tPOS\tSim1 [0,6]\tSim2 [0,10]\tSTD\nbiển\thồ\tN\t4.5\t7.5\t1\nbiển\tbút\tN\t0.5\t0.8\t1\n",
        "column 4 (Sim1 [0,6])",
        [4.5, 0.5],
    ),
    "Turkish": (
        "ID;Kelime1;Kelime2;Ortalama\n1;deniz;göl;7,25\n2;deniz;kalem;0,5\n",
        "column 4 (Ortalama)",
        [7.25, 0.5],
    ),
    "Arabic digits": ("بحر\tبحيرة\t٧.٥\nبحر\tقلم\t٠.٥\n", "column 3", [7.5, 0.5]),
    "Spanish, quotes": (
        '"palabra1","palabra2","puntuación"\n"mar","lago","7,5"\n"mar","Nueva York, EE. UU.","1"\n',
        "column 3 (puntuación)",
        [7.5, 1],
    ),
}


def read(tmp_path: Path, text: str | bytes, name: str = "gold.txt") -> Path:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("layout", PAIRS)
@pytest.mark.parametrize("variant", ["as it is", "BOM and CRLF"])
def test_rated_pairs_are_read_in_their_published_layout(tmp_path: Path, layout: str, variant: str) -> None:
    text, column, ratings = PAIRS[layout]
    text = text if variant == "as it is" else "\ufeff" + text.replace("\n", "\r\n")
    gold = read_gold(read(tmp_path, text))
    assert isinstance(gold, PairSet)
    assert gold.ratings == tuple(ratings)
    assert str(gold.column) == column
    assert all(word not in ("p1", "i", "t", "n", "N") and not word.isdecimal() for pair in gold.pairs for word in pair)
    assert gold.pairs[0][1] != gold.pairs[1][1]


def test_without_a_helpful_header_the_column_that_was_taken_is_remarked(tmp_path: Path) -> None:
    guessed = read_gold(read(tmp_path, "sea lake 5 8\nsea pen 0 4\n"))
    computed = read_gold(read(tmp_path, "sea\tlake\t6.67\t5\t8\t7\nsea\tpen\t1.33\t0\t4\t0\n"))
    named = read_gold(read(tmp_path, "a,b,c,mean\nsea,lake,5,6\nsea,pen,1,2\n"))
    assert isinstance(guessed, PairSet) and isinstance(computed, PairSet) and isinstance(named, PairSet)
    assert guessed.remarks == ("no header says which column of numbers is the mean rating: column 3 was taken",)
    assert "column 3, which is the mean of the other columns" in computed.remarks[0]
    assert named.remarks == () and named.column_is_chosen


def test_words_may_begin_with_a_hash_or_be_one_quote(tmp_path: Path) -> None:
    gold = read_gold(
        read(tmp_path, '# by hand\n#metoo\tprotest\t7\n"\tinch\t8\n#a remark without numbers\nsea\tpen\t1\n')
    )
    assert isinstance(gold, PairSet)
    assert gold.pairs == (("#metoo", "protest"), ('"', "inch"), ("sea", "pen"))
    assert gold.column is not None and gold.column.name is None
    hashed = read_gold(read(tmp_path, "#a #b #c #d\n# no question\n#d #c #b #a\n"))
    assert isinstance(hashed, AnalogySet) and len(hashed.sections[0][1]) == 2


ANALOGIES = {
    "English, edited under Windows": "\ufeff:family\r\nMan\tKing\tWoman\tQueen\r\n",
    "French": ": pays\nParis France Rome Italie\n",
    "Chinese": ": 首都\n北京 中国 东京 日本\n",
    "Czech, no sections": "král královna muž žena\n",
    "Hindi": ": राजधानी\nदिल्ली भारत टोक्यो जापान\n",
    "Arabic, commas": "باريس,فرنسا,روما,إيطاليا\n",
    "Portuguese, semicolons": "rei;rainha;homem;mulher\n",
    "Turkish, quotes": '"kral","kraliçe","erkek","New York"\n',
}


@pytest.mark.parametrize("layout", ANALOGIES)
def test_analogies_are_read_in_their_published_layout(tmp_path: Path, layout: str) -> None:
    gold = read_gold(read(tmp_path, ANALOGIES[layout]))
    assert isinstance(gold, AnalogySet)
    assert [[len(question) for question in questions] for _, questions in gold.sections] == [[4]]
    assert all('"' not in word for word in gold.sections[0][1][0])


def test_every_two_pairs_of_a_bats_file_make_a_question(tmp_path: Path) -> None:
    gold = read_gold(read(tmp_path, "ox\toxen\nmouse\tmice/mouses\nfish\tfish\n", "I02 [noun - irregular].txt"))
    assert isinstance(gold, AnalogySet)
    ((title, questions),) = gold.sections
    assert title == "I02 [noun - irregular]"
    assert set(questions) == {
        ("ox", "oxen", "mouse", "mice", "mouses"),
        ("ox", "oxen", "fish", "fish"),
        ("mouse", "mice", "ox", "oxen"),
        ("mouse", "mice", "fish", "fish"),
        ("fish", "fish", "ox", "oxen"),
        ("fish", "fish", "mouse", "mice", "mouses"),
    }


def test_a_large_file_of_word_pairs_makes_a_bounded_number_of_questions(tmp_path: Path) -> None:
    count = 1_000
    gold = read_gold(read(tmp_path, "".join(f"a{i}\tb{i}\n" for i in range(count))))
    assert isinstance(gold, AnalogySet)
    questions = gold.sections[0][1]
    assert len(questions) == len(set(questions)) == MOST_QUESTIONS
    assert {sum(question[0] == f"a{i}" for question in questions) for i in (0, 1, 999)} == {100}
    assert "100,000" in gold.rule


def test_a_folder_is_all_its_files(tmp_path: Path) -> None:
    read(tmp_path, "ox\toxen\nmouse\tmice\n", "bats/1_Inflection/I02.txt")
    read(tmp_path, "sea\tlake\ncar\ttruck\n", "bats/4_Lexicography/L01.txt")
    read(tmp_path, ": x\na b c d\n: y\nd c b a\n", "bats/google.txt")
    read(tmp_path, "not a gold set", "bats/.hidden.txt")
    read(tmp_path, "{}", "bats/metadata.json")
    gold = read_gold(tmp_path / "bats")
    assert isinstance(gold, AnalogySet) and gold.path == str(tmp_path / "bats")
    titles = [(title, len(questions)) for title, questions in gold.sections]
    assert titles == [("1_Inflection/I02", 2), ("4_Lexicography/L01", 2), ("google: x", 1), ("google: y", 1)]
    for name in ("one", "two"):
        read(tmp_path, "sea lake 8\nsea pen 1\n", f"pairs/{name}.csv")
    assert [type(gold) for gold in read_gold_sets(tmp_path / "pairs")] == [PairSet, PairSet]
    with pytest.raises(GoldFileError, match="pairs holds 2 gold sets"):
        read_gold(tmp_path / "pairs")


@pytest.mark.parametrize(
    "text",
    [
        "Hund Katze Maus Auto\nrot blau grün gelb laufen\n",
        ": Tiere\nHund,Katze,Maus,Auto\n: Farben\nrot,blau,grün,gelb,laufen\n",
        "id,odd_one_out,word1,word2,word3\n1,Auto,Hund,Katze,Maus\n2,laufen,rot,blau,grün\n",
    ],
)
def test_sets_with_an_odd_word_are_read_when_asked_for(tmp_path: Path, text: str) -> None:
    gold = read_gold(read(tmp_path, text), task="odd")
    assert isinstance(gold, OddSet)
    sets = [words for _, words_of in gold.sections for words in words_of]
    assert sets[0] == ("Hund", "Katze", "Maus", "Auto")
    assert sets[1][:3] == ("rot", "blau", "grün") and sets[1][-1] == "laufen"


def test_the_task_overrides_the_recognition(tmp_path: Path) -> None:
    numerals = read(tmp_path, "one 1 2 two\nthree 3 4 four\n")
    assert isinstance(read_gold(numerals, task="analogies"), AnalogySet)
    assert isinstance(read_gold(numerals, task="odd"), OddSet)
    assert isinstance(read_gold(numerals), PairSet)
    with pytest.raises(GoldFileError, match="no columns of two words and a number"):
        read_gold(read(tmp_path, "a b c d\n"), task="pairs")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"<!DOCTYPE html>\n<title>502 Bad Gateway</title>", r'is a web page \("502 Bad Gateway"\), not a gold set'),
        (
            b"<?xml version='1.0'?>\n<Error><Code>NoSuchKey</Code></Error>",
            r'is an XML document \("NoSuchKey"\), not a gold set',
        ),
        (b"", "holds no questions"),
        (b" \r\n\r\n", "holds no questions"),
        (b": only\n: sections\n", "holds no questions"),
        (b"3 2\nsea 1 0.5\nlake 1 0.4\n", "holds vectors, not a gold set"),
        (b"the 0.1 -0.2 3e-05 0.4\nof 0.2 0.1 0.4 0.1\n", "holds vectors"),
        (b"2 2\nsea \x00\x00\x80\x3f\x00\x00\x80\xbf\n", "holds vectors"),
        (b'\x40\0\0\0\0\0\0\0{"input_vectors":{}}', "holds vectors"),
        (b'{"message": "Not Found"}', "is JSON"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "is a Git LFS pointer"),
        (b"PK\x03\x04gold", "is a zip archive"),
        (b"\x1f\x8b\x08\0", "is compressed with gzip"),
        (b"\x93NUMPY\x01", "holds vectors"),
        ("sea lake 8\n".encode("utf-16"), "is not UTF-8 text: byte 0"),
        ("Espa\u00f1a Madrid Francia Par\u00eds\n".encode("cp1252"), "is not UTF-8 text: byte 4"),
        (b"ox\toxen\n", "holds one pair of words"),
        (b": a\nman king woman queen\nman king woman queen extra\n", "line 3: expected four words, found 5"),
        (b"it was a dark and stormy night " * 5_000, "is one long line of text"),
        (b"It was a dark night.\nThe rain fell.\n", "line 1: expected four words, found 5"),
    ],
)
def test_what_is_no_gold_set_is_refused_by_what_it_is(tmp_path: Path, text: bytes, message: str) -> None:
    with pytest.raises(GoldFileError, match=message) as caught:
        read_gold(read(tmp_path, text, "EN_SETS.txt"))
    assert "EN_SETS.txt" in caught.value.message and caught.value.hint


@pytest.mark.parametrize("text", ["a b c\n", "a\tb\t\td\n", "id,odd,word1,word2,word3\n1,2,3,4\n"])
def test_sets_of_too_few_words_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(GoldFileError, match=r"line 1: expected four or more words|fewer words than its header"):
        read_gold(read(tmp_path, text), task="odd")


@pytest.mark.parametrize(("column", "ratings"), [("Second", [2.0, 3.0]), ("second", [2.0, 3.0]), (3, [9.0, 1.0])])
def test_the_column_of_the_ratings_can_be_named(tmp_path: Path, column: str | int, ratings: list[float]) -> None:
    (tmp_path / "gold.csv").write_text("w1,w2,First,Second,Mean\nlake,sea,9,2,5.5\nlake,pen,1,3,2\n")
    gold = read_gold(tmp_path / "gold.csv", column=column)
    assert isinstance(gold, PairSet) and list(gold.ratings) == ratings
    assert gold.column_is_chosen and gold.remarks == ()


@pytest.mark.parametrize(("column", "ratings"), [("1", [9.0, 8.0]), ("3", [7.0, 5.0]), (6, [8.0, 7.0])])
def test_a_header_of_raters_that_are_numbers_is_no_pair(
    tmp_path: Path, column: str | int, ratings: list[float]
) -> None:
    (tmp_path / "gold.csv").write_text("# rated by three\nw1,w2,1,2,3,Mean\nlake,sea,9,8,7,8\nlake,pond,8,8,5,7\n")
    gold = read_gold(tmp_path / "gold.csv", column=column)
    assert isinstance(gold, PairSet)
    assert (gold.pairs, list(gold.ratings)) == ((("lake", "sea"), ("lake", "pond")), ratings)


@pytest.mark.parametrize(
    ("column", "task", "message"),
    [
        ("Third", None, "no column of ratings called Third"),
        ("1", None, "no column of ratings called 1"),
        ("0", None, "no column of ratings called 0"),
        ("8", "pairs", "line 2: expected two words and a number in column 8"),
        ("3", "odd", "--task odd has none"),
    ],
)
def test_a_column_that_holds_no_ratings_is_refused(tmp_path: Path, column: str, task: str | None, message: str) -> None:
    (tmp_path / "gold.csv").write_text("w1,w2,First,Mean\nlake,sea,9,5.5\nlake,pen,1,2\n")
    with pytest.raises(W2VError, match=message) as caught:
        read_gold(tmp_path / "gold.csv", task, column)
    if task != "odd":
        assert ("two columns hold the words" if "called" in message else "another column") in str(caught.value.hint)


def test_a_file_that_is_no_gold_set_is_skipped_unless_no_file_is_one(tmp_path: Path) -> None:
    (tmp_path / "README").write_text("These words are not a question.\n")
    with pytest.raises(GoldFileError, match="README, line 1"):
        read_gold_sets(tmp_path)
    (tmp_path / "pairs.tsv").write_text("lake\tsea\t9\nlake\tpen\t1\n")
    skipped: list[str] = []
    (gold,) = read_gold_sets(tmp_path, on_skip=skipped.append)
    assert isinstance(gold, PairSet) and len(skipped) == 1 and "README, line 1" in skipped[0]
    with pytest.warns(UserWarning, match="skipped: .*README"):
        read_gold(tmp_path)


def test_compressed_gold_sets_are_read(tmp_path: Path) -> None:
    text = b"lake\tsea\t9\nlake\tpen\t1\n"
    (tmp_path / "pairs.tsv.gz").write_bytes(gzip.compress(text))
    (tmp_path / "animals.txt.bz2").write_bytes(bz2.compress(b"ox\toxen\nmouse\tmice\n"))
    analogies, pairs = read_gold_sets(tmp_path)
    assert isinstance(pairs, PairSet) and pairs.ratings == (9.0, 1.0)
    assert isinstance(analogies, AnalogySet) and [title for title, _ in analogies.sections] == ["animals"]
    (tmp_path / "cut.tsv.gz").write_bytes(gzip.compress(text)[:-9])
    with pytest.raises(GoldFileError, match=r"cut\.tsv\.gz is damaged or cut short"):
        read_gold(tmp_path / "cut.tsv.gz")
    (tmp_path / "page.txt.gz").write_bytes(gzip.compress(b"<html><body></body></html>"))
    with pytest.raises(GoldFileError, match="web page"):
        read_gold(tmp_path / "page.txt.gz")


@pytest.mark.parametrize(
    ("text", "encoding", "named"),
    [
        ("корабль;пристань;7\nлодка;корабль;8\nночь;лодка;1\n", "cp1251", "CP1251"),
        ("Größe;Höhe;7\nGröße;Käse;1\n", "windows-1252", "WINDOWS-1252"),
        ("boat;ship;7\nboat;sea;1\n", "utf-16", "UTF-16"),
    ],
)
def test_the_encoding_of_a_gold_set_is_suggested(tmp_path: Path, text: str, encoding: str, named: str) -> None:
    with pytest.raises(GoldFileError, match="is not UTF-8") as caught:
        read_gold(read(tmp_path, text.encode(encoding)))
    assert f"iconv -f {named} -t UTF-8" in str(caught.value.hint)


def test_a_lone_header_is_called_one(tmp_path: Path) -> None:
    with pytest.raises(GoldFileError, match=r"line 1: expected four words, found 3, and there is no other line"):
        read_gold(read(tmp_path, "word1\tword2\tscore\n"))
