"""Values as TOML writes them."""

from __future__ import annotations

import json
import math
import re
from typing import Any

_SURROGATE = re.compile("[\ud800-\udfff]")
_NOT_ASCII = re.compile("[^ -~]")


def toml_value(value: Any) -> str | None:
    """Return a text, number, truth value or list in TOML; None if TOML cannot hold it, such as a path not in Unicode.

    Examples
    --------
    >>> toml_value(0.5), toml_value(True), toml_value("ß"), toml_value(None)
    ('0.5', 'true', '"\\\\U000000df"', None)
    """
    if isinstance(value, list):
        written = [toml_value(one) for one in value]
        return None if None in written else f"[{', '.join(map(str, written))}]"
    if isinstance(value, bool | int):
        return json.dumps(value)
    if isinstance(value, float):
        return json.dumps(value) if math.isfinite(value) else None
    if not isinstance(value, str) or _SURROGATE.search(value):
        return None
    # JSON would escape a letter beyond U+FFFF as two surrogates, which TOML does not allow.
    return _NOT_ASCII.sub(lambda letter: f"\\U{ord(letter[0]):08x}", json.dumps(value, ensure_ascii=False))
