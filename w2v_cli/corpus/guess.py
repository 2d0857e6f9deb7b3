"""Guess the encoding of a text that is not in the one it was said to be in, for the hint of an error message.

Each candidate decodes a sample of the text. A wrong encoding turns letters into rare characters, or into letters of
another script within a word, so the candidates are ranked by how many of the characters are frequent in the languages
that use the encoding.
"""

from __future__ import annotations

import codecs
import itertools
import re
from typing import NamedTuple

_SAMPLE_BYTES = 1 << 15
_MOST_SUGGESTED = 3
# A candidate with a lower score than this, or than this share of the best one's, is not suggested.
_LEAST_SCORE = 0.5
_LEAST_OF_BEST = 0.85
# The weight of a character in an alphabet falls to 0 at this rank.
_RANKS = 32
# The first bytes that say in which order the bytes of UTF-16 or UTF-32 are; UTF-32 begins like UTF-16.
_BYTE_ORDER_MARKS = {
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
# Where an ASCII letter and another character, which is no punctuation, are side by side.
_OTHER = r"[^\x00-\xbf\u2000-\u206f\u3000-\u303f]"
_MIXED = re.compile(f"[a-zA-Z](?={_OTHER})|{_OTHER}(?=[a-zA-Z])")


class _Script(NamedTuple):
    """The characters beyond ASCII that are frequent in the texts of some languages.

    Attributes
    ----------
    frequent : the characters, each once; the most frequent ones first if the script is `ranked`.
    share : which share of the characters beyond ASCII they usually are; if `ranked`, their usual mean weight.
    ranked : whether frequent characters weigh more than rare ones. An alphabet needs that, because the letters of one
        decode to letters of another.
    is_latin : whether the letters stand between ASCII letters.
    """

    frequent: str
    share: float
    ranked: bool = False
    is_latin: bool = False

    def weight(self, character: str) -> float:
        """Return how much a character speaks for this script, 0…1."""
        rank = self.frequent.find(character)
        return 0.0 if rank < 0 else max(0.0, 1.0 - self.ranked * rank / _RANKS)


def _latin(frequent: str) -> _Script:
    return _Script(frequent, 0.95, is_latin=True)


def _alphabet(frequent: str) -> _Script:
    return _Script(frequent, 0.7, ranked=True)


_WESTERN = _latin("éèàçêùâîôûëïöäüßñóíáúãõåøæœÉÀÖÄÜÅØÇÑ’‘“”„–—…«»·§°¿¡€\u00a0")
_CENTRAL = _latin("ąćęłńóśźżáčďéěíňřšťúůýžőűăâîöäüŁŚŻČŠŽÁÉ’‘“”„–—…«»§°\u00a0")
_TURKISH = _latin("ığşçöüâîİĞŞÇÖÜ’‘“”–—…«»\u00a0")
_BALTIC = _latin("āčēģīķļņšūžąęėįųõäöüŠŽĀ„“”–—\u00a0")
_CYRILLIC = _alphabet("оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъёіїєґћђљњџј«»„“”—–…№\u00a0АВНПОСИКДМ")
_GREEK = _alphabet("αοιετσνηυρπκμλςίάόδγέήύώωθχφβξζψ«»’—–\u00a0")
_HEBREW = _alphabet("יולאהרמבתשנעקחדפצטגכסזםןךףץ")
_ARABIC = _alphabet("اليمنروتبدعهسكقحفجةشصأطخىزءذضثغظإئؤآپچگیک،؟")
_THAI = _alphabet("านรอกเง่มยล้วดัทตสิี์ปบคหแจพชะขใไุู็ืโผถธณำศซภษๆ")
_JAPANESE = _Script("のにはをたがでてとしれさいるかなもありこうすらよけどくまきっんスントルアイクリラー、。「」", 0.45)
_SIMPLIFIED = _Script(
    "，。、的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里", 0.25
)
_TRADITIONAL = _Script(
    "，。、的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡", 0.25
)
_KOREAN = _Script("이다는의에을가고하지도를은한로서사기자인리어나해대시라정그일들", 0.25)

# If two score the same, the first is suggested first.
_CANDIDATES = {
    "windows-1252": _WESTERN,
    "windows-1250": _CENTRAL,
    "iso-8859-2": _CENTRAL,
    "windows-1254": _TURKISH,
    "windows-1257": _BALTIC,
    "cp850": _WESTERN,
    "mac-roman": _WESTERN,
    "cp1251": _CYRILLIC,
    "koi8-r": _CYRILLIC,
    "koi8-u": _CYRILLIC,
    "cp866": _CYRILLIC,
    "iso-8859-5": _CYRILLIC,
    "windows-1253": _GREEK,
    "windows-1255": _HEBREW,
    "windows-1256": _ARABIC,
    "iso-8859-6": _ARABIC,
    "cp874": _THAI,
    "shift_jis": _JAPANESE,
    "euc-jp": _JAPANESE,
    "gb18030": _SIMPLIFIED,
    "big5": _TRADITIONAL,
    "euc-kr": _KOREAN,
}


def encoding_hint(data: bytes, place: int, encoding: str) -> str:
    """Say what to do about a text that is not in the encoding it was said to be in.

    Parameters
    ----------
    data : a part of the text · place : the offset of the first byte that cannot be decoded.
    """
    marked = marked_encoding(data)
    if marked is not None and encoding not in (marked, "utf-16-le", "utf-16-be"):
        return f"it looks like {marked.upper()}: pass --encoding {marked}"
    sample = _sample(data, place)
    if encoding == "utf-8" and _is_mostly_utf8(sample):
        return "nearly all of it is UTF-8: --errors replace or --errors ignore accepts the rest"
    likely = [name for name in likely_encodings(sample) if codecs.lookup(name).name != codecs.lookup(encoding).name]
    if not likely:
        return "pass --encoding NAME if you know its encoding, or --errors replace or --errors ignore"
    read = [f"--encoding {name}{_example(data, place, name)}" for name in likely]
    return f"it may be {', '.join(read)}; or pass --errors replace or --errors ignore"


def marked_encoding(data: bytes) -> str | None:
    """Return the encoding that a text names by the byte order mark at its beginning: utf-16 or utf-32; None without."""
    return next((name for mark, name in _BYTE_ORDER_MARKS.items() if data.startswith(mark)), None)


def likely_encodings(sample: bytes) -> list[str]:
    """Return the encodings that a text is probably in, at most three, the most likely one first."""
    if is_utf8(sample):
        return ["utf-8"]
    wide = utf16_or_32(sample)
    if wide is not None:
        return [wide]
    scores = {name: _score(sample, name, script) for name, script in _CANDIDATES.items()}
    best = max(scores.values())
    enough = [name for name in scores if scores[name] >= max(_LEAST_SCORE, _LEAST_OF_BEST * best)]
    return sorted(enough, key=lambda name: -scores[name])[:_MOST_SUGGESTED]


def is_utf8(sample: bytes) -> bool:
    """Whether the beginning of a text is UTF-8 and has characters beyond ASCII, which hardly happens by accident."""
    return not sample.isascii() and _decoded(sample, "utf-8") != ""


def utf16_or_32(sample: bytes) -> str | None:
    """Return which kind of UTF-16 or UTF-32 a text without a byte order mark is in; None if it is in none of them.

    ASCII characters have zeros at every second byte (or three of four), always on the same side.
    """
    quarters = [sample[i : len(sample) // 4 * 4 : 4].count(0) / max(1, len(sample) // 4) for i in range(4)]
    if len(sample) >= 8 and quarters[3] > 0.9 and quarters[2] > 0.5 and quarters[0] < 0.2:
        return "utf-32-le"
    if len(sample) >= 8 and quarters[0] > 0.9 and quarters[1] > 0.5 and quarters[3] < 0.2:
        return "utf-32-be"
    for name, low, high in (("utf-16-le", 0, 1), ("utf-16-be", 1, 0)):
        halves = sample[low : len(sample) // 2 * 2 : 2], sample[high : len(sample) // 2 * 2 : 2]
        zeros = [half.count(0) / max(1, len(half)) for half in halves]
        if len(sample) < 8 or zeros[1] == 0:
            continue
        # In other scripts only white space and punctuation have a zero there. Chinese and Korean have some on the other
        # side too, as in 一 (U+4E00) and 가 (U+AC00).
        is_ascii = zeros[1] > 0.6 and zeros[0] <= 0.02
        if is_ascii or (not _is_utf8_but_zeros(sample) and _is_prose(sample, name)):
            return name
    return None


def iso_2022(sample: bytes) -> str | None:
    """Return which ISO-2022 a Japanese or Korean text is in, by the bytes that switch to its characters."""
    names = {"iso2022_jp": rb"\x1b\$[@B]", "iso2022_kr": rb"\x1b\$\)C"}
    return next((name for name, switch in names.items() if re.search(switch, sample)), None)


def _is_utf8_but_zeros(sample: bytes) -> bool:
    """Whether a sample begins as UTF-8 without unusual control characters, except for some zeros."""
    text = _decoded(sample[:1024], "utf-8")
    return text != "" and all(character >= " " or character in "\0\t\n\r" for character in text)


def _is_prose(sample: bytes, encoding: str) -> bool:
    """Whether nearly all characters can be printed or are white space, and most are letters, digits or underscores."""
    text = sample[: len(sample) // 2 * 2].decode(encoding, "replace")
    good = sum(character.isprintable() or character in "\t\n\r" for character in text)
    return good > 0.99 * len(text) and "\ufffd" not in text[:-1] and len(re.findall(r"\w", text)) > 0.5 * len(text)


def _sample(data: bytes, place: int) -> bytes:
    """Return the lines around a place, or some of them; a sample begins after ASCII white space."""
    start = max(0, place - _SAMPLE_BYTES // 4)
    part = data[start : start + _SAMPLE_BYTES]
    if start > 0:
        part = re.sub(rb"\A\S*\s", b"", part, count=1)
    return part


def _is_mostly_utf8(sample: bytes) -> bool:
    """Whether far more characters beyond ASCII are UTF-8 than not."""
    good = sum(character > "\x7f" for character in sample.decode("utf-8", "ignore"))
    bad = sample.decode("utf-8", "replace").count("\ufffd")
    return good > 4 * bad


def _score(sample: bytes, encoding: str, script: _Script) -> float:
    """Return how well an encoding explains a text: 0 if not at all, about 1 if as well as is usual in its script."""
    text = _decoded(sample, encoding)
    foreign = re.findall(r"[^\x00-\x7f]", text)
    if not foreign or any("\x80" <= character < "\xa0" or character == "\ufffd" for character in foreign):
        return 0.0
    weight = sum(map(script.weight, foreign)) / len(foreign)
    return weight / script.share * _fits_words(text, script.is_latin)


def _fits_words(text: str, is_latin: bool) -> float:
    """Return the share of the letters beyond ASCII whose neighbours in their words are of the same script.

    Latin letters stand between ASCII letters; the letters of all other scripts do not, and their capitals begin words.
    """
    letters = len(re.findall(r"[^\W\d_a-zA-Z]", text))
    if letters == 0:
        return 1.0
    if is_latin:
        return 1.0 - sum(len(run) for run in re.findall(r"[^\W\d_a-zA-Z]{3,}", text)) / letters
    mixed = len(_MIXED.findall(text))
    inner_capitals = sum(b.isupper() and a.islower() for a, b in itertools.pairwise(text))
    return max(0.0, 1.0 - (mixed + 2 * inner_capitals) / letters)


def _decoded(sample: bytes, encoding: str) -> str:
    """Decode a sample, which may end within a character; nothing if it is not in that encoding."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(sample)
    except UnicodeDecodeError:
        return ""


def _example(data: bytes, place: int, encoding: str) -> str:
    """Return how an encoding reads the word at a place, in brackets; nothing if it cannot be told."""
    start = max(data.rfind(space, max(0, place - 40), place) for space in (b" ", b"\n", b"\t")) + 1
    words = _decoded(data[max(start, place - 40) : place + 40], encoding).split()
    word = words[0].strip('.,;:!?"()') if words else ""
    return f" ({word[:20]})" if word.isprintable() and word else ""
