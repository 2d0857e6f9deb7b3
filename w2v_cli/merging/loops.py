"""Which loops merge here: the compiled ones, if the processor converts numbers of 16 bits, or else those of numpy."""

from __future__ import annotations

from typing import Any

from w2v_cli.compute.jit import COMPILES
from w2v_cli.merging import reference

LOOPS: Any = reference
if COMPILES:
    from w2v_cli.compute.half import CONVERTS

    if CONVERTS:
        from w2v_cli.merging import compiled

        LOOPS = compiled
