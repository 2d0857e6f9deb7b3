"""Reading files from compiled code, where Python's lock is not held."""

from __future__ import annotations

from numba import types

# ssize_t pread(int file, void *buffer, size_t count, off_t offset), of POSIX: read from a position of an open file.
read_at = types.ExternalFunction("pread", types.intp(types.int32, types.intp, types.uintp, types.int64))
