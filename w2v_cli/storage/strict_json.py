"""JSON that every parser accepts."""

from __future__ import annotations

import json
import math


def strict_json(value: object) -> str:
    """Return a value as JSON on one line. JSON has neither NaN nor infinity, so they become null."""
    return json.dumps(_finite(value), ensure_ascii=False, allow_nan=False)


def _finite(value: object) -> object:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
