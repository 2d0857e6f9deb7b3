"""Notice Chinese, Japanese and Thai whose words are not separated by white space."""

from __future__ import annotations

import re

# The beginning of a text is enough to tell.
_LEAST_CHARACTERS = 20
_KANA = re.compile("[\u3041-\u30ff]")
_HAN = re.compile("[\u3400-\u9fff\U00020000-\U0003ffff]")
_THAI = re.compile("[\u0e01-\u0e3a\u0e40-\u0e4e]")
# Words of segmented text have about 2 characters in Chinese and Japanese, and 4 in Thai, and some have twice as many.
_LONGEST_MEAN = {"Chinese": 6, "Japanese": 6, "Thai": 12}
_TOOLS = {"Chinese": "jieba", "Japanese": "MeCab or SudachiPy", "Thai": "PyThaiNLP"}


def unsegmented_hint(sample: bytes) -> str | None:
    """Return a hint if most of a text is in such a script, without white space between words; None otherwise.

    Parameters
    ----------
    sample : the beginning of the text, as UTF-8; it may end within a character.
    """
    if sample.isascii():
        return None
    text = sample.decode("utf-8", "ignore")
    kana, han, thai = (len(script.findall(text)) for script in (_KANA, _HAN, _THAI))
    letters = len(re.findall(r"\w", text)) + len(re.findall("[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]", text))
    if max(kana + han, thai) < max(_LEAST_CHARACTERS, letters / 2):
        return None
    # Nearly every Japanese sentence has kana, and no Chinese sentence has any.
    language = "Thai" if thai > kana + han else "Japanese" if 20 * kana > han else "Chinese"
    runs = [token for token in text.split() if _KANA.search(token) or _HAN.search(token) or _THAI.search(token)]
    if sum(map(len, runs)) <= _LONGEST_MEAN[language] * len(runs):
        return None
    return (
        f"Hint: this looks like {language} without white space between words, so whole phrases count as words; "
        f"segment it first, such as with {_TOOLS[language]}"
    )
