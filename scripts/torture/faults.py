#!/usr/bin/env python3
"""Make every system call of a command fail in turn, and check that nothing is lost and that the error is reported.

    scripts/torture/faults.py                                  every command and kind of call; some minutes
    scripts/torture/faults.py --command train --kind write     the writes of a training run alone

Each command runs in a child process in which the n-th call of a kind fails, for n = 1, 2, … as long as there is one.
For the kind `size` the system itself fails, because the size of files is limited; the limit grows until the command
succeeds. After each fault,

* the command must have done its whole work, or have exited with 3 and a message that does not call the fault a bug;
* its outputs must be the old ones or the new ones, complete, and its inputs must be unchanged;
* the next undisturbed run, which resumes from checkpoints if there are any, must succeed and leave no other file.

Prints one JSON object: the number of faults by command and by kind, how many were harmless and how many were reported,
and everything that went wrong. Exits with 1 if anything went wrong.
"""

from __future__ import annotations

import argparse
import errno
import itertools
import json
import mmap
import os
import random
import resource
import sys
import tempfile
from collections import Counter
from pathlib import Path

from writers import OTHERS, WRITERS, End, Workplace, contents, watch

COMMANDS = {**OTHERS, **WRITERS}
# The errors that each kind of call may fail with.
FAILURES: dict[str, tuple[int, ...]] = {
    "open": (errno.EACCES, errno.EMFILE, errno.ENOSPC),
    "read": (errno.EIO,),
    "write": (errno.ENOSPC, errno.EIO),
    "sync": (errno.EIO,),
    "rename": (errno.EACCES, errno.ENOSPC),
    "remove": (errno.EACCES, errno.EIO),
    "folder": (errno.EACCES, errno.ENOSPC),
    "list": (errno.EMFILE,),
    "map": (errno.ENOMEM,),
    "lock": (errno.ENOLCK, errno.EINTR),
    "permissions": (errno.EPERM, errno.EIO),
    "memory": (errno.ENOMEM,),
    "thread": (errno.EAGAIN,),
    "size": (errno.EFBIG,),
}
SIZE_STEP = 1024
# Far longer than any of these commands takes.
HANGING_SECONDS = 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--command", choices=COMMANDS, action="append", help="default: all")
    parser.add_argument("--kind", choices=FAILURES, action="append", help="the kind of call; default: all")
    parser.add_argument("--most", type=int, default=100, help="most faults for each command, kind and error (100)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    faults, ends, wrong = Counter[str](), Counter[str](), list[str]()
    with tempfile.TemporaryDirectory() as scratch:
        for number, name in enumerate(options.command or COMMANDS):
            place = Workplace(Path(scratch, str(number)), COMMANDS[name], random.Random(options.seed), 12_000, 300)
            for kind in options.kind or FAILURES:
                for error in FAILURES[kind]:
                    for n in range(1, options.most + 1):
                        end = fail(place, kind, error, n)
                        if end is None:
                            break
                        faults[f"{name}, {kind}"] += 1
                        ends["harmless" if end.code == 0 else "reported" if end.code == 3 else "other"] += 1
                        where = f"{name}, {kind} {n}, {errno.errorcode[error]}"
                        wrong += [f"{where}: {fault}" for fault in faults_of(place, end)]
        os.chdir("/")
    by_command, by_kind = Counter[str](), Counter[str]()
    for both, count in faults.items():
        name, kind = both.split(", ")
        by_command[name] += count
        by_kind[kind] += count
    report = {"faults": faults.total(), "by_command": by_command, "by_kind": by_kind, "ends": ends, "wrong": wrong}
    print(json.dumps(report))
    sys.exit(1 if wrong else 0)


def fail(place: Workplace, kind: str, error: int, n: int) -> End | None:
    """Run the command with one fault: the n-th call of a kind fails.

    Returns
    -------
    End or None
        How the command ended, or None if it made fewer than n such calls, so that nothing failed.
    """
    met = mmap.mmap(-1, 1)  # Memory that the child shares.
    countdown = itertools.count(1)

    def meet(made: bool) -> None:
        if not made and next(countdown) == n:
            met[0] = 1
            if kind == "memory":
                raise MemoryError("Unable to allocate")
            if kind == "thread":
                raise RuntimeError("can't start new thread")
            raise OSError(error, os.strerror(error))

    def prepare() -> None:
        if kind == "size":
            # Linux also signals SIGXFSZ, which Python ignores.
            resource.setrlimit(resource.RLIMIT_FSIZE, (n * SIZE_STEP, resource.RLIM_INFINITY))
        else:
            watch([kind], meet)

    place.begin()
    end = place.run(prepare, HANGING_SECONDS)
    unmet = end.code == 0 if kind == "size" else not met[0]
    return None if unmet else end


def faults_of(place: Workplace, end: End) -> list[str]:
    """Return a description of everything that is wrong after a fault."""
    outputs, faults = place.outputs(), list[str]()
    if end.code == 0:
        if outputs != place.new or end.stdout != place.answer:
            faults.append("ended with 0 without having done its work")
    elif end.code != 3 or "Error: " not in end.stderr or "Traceback" in end.stderr or "bug" in end.stderr:
        faults.append(f"ended with {end.code}: {end.stderr.strip()}")
    if outputs not in (place.old, place.new):
        faults.append(f"outputs that are neither the old nor the new ones: {sorted(outputs)}")
    # A model that could not be written to its path is saved in the temporary folder, and the message must name it.
    for name, data in contents(place.tmp).items():
        if data != place.new.get("model") or name not in end.stderr:
            faults.append(f"left in the temporary folder: {name}")
    return faults + place.faults_after_all()


if __name__ == "__main__":
    main()
