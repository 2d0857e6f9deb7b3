"""The compiled part of `rows`: walk over the n-grams of words, and hash each into the number of a row.

    fastText   h = 2166136261; for each byte b:  h = (h ⊕ b)·16777619 mod 2³²
    floret     MurmurHash3_x64_128 with the seed 2166136261, as four numbers of 32 bits

fastText takes its bytes as signed, so a byte of 128 or more sets the 24 bits above it as well: with letters that are
not ASCII this is not FNV-1a.

References
----------
Bojanowski et al. 2017, TACL (fastText); fastText: src/dictionary.cc; Appleby, MurmurHash3 (public domain).
"""

from __future__ import annotations

import numpy as np

from w2v_cli.compute.jit import compiled, helper

BEGIN, END = ord("<"), ord(">")
# Bytes of UTF-8 that continue a character have these two high bits.
HIGH_BITS, CONTINUES = 0xC0, 0x80
SIGN_BIT = 0x80
FNV_BASIS, FNV_PRIME = np.uint64(2166136261), np.uint64(16777619)
SIGN_EXTENSION, LOW_HALF = np.uint64(0xFFFFFF00), np.uint64(0xFFFFFFFF)

MURMUR_SEED = np.uint64(2166136261)
C1, C2 = np.uint64(0x87C37B91114253D5), np.uint64(0x4CF5AD432745937F)
ADD1, ADD2, FIVE = np.uint64(0x52DCE729), np.uint64(0x38495AB5), np.uint64(5)
FINAL1, FINAL2 = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
EIGHT, THIRTY_TWO, THIRTY_THREE, SIXTY_FOUR = np.uint64(8), np.uint64(32), np.uint64(33), np.uint64(64)
TURN_27, TURN_31 = np.uint64(27), np.uint64(31)


@compiled
def fasttext_rows(text, offsets, lengths, buckets, first_bucket, starts, rows):
    """Write the row of every n-gram of some words, in fastText's order: by its start, then by its length.

    Parameters
    ----------
    text : uint8, the UTF-8 of the words · offsets : int64 (n + 1), where each begins.
    lengths : (the shortest, the longest) n-gram in characters.
    starts : int64 (n,), where the rows of each word begin in `rows`; −1 for a word whose n-grams do not count.
    rows : int32, the result.
    """
    marked = np.empty(_longest(offsets) + 2, np.uint8)
    for word in range(len(starts)):
        at = starts[word]
        if at < 0:
            continue
        size = _mark(text, offsets[word], offsets[word + 1], marked)
        for start in range(size):
            if marked[start] & HIGH_BITS == CONTINUES:
                continue
            h, stop, length = FNV_BASIS, start, 0
            while stop < size and length < lengths[1]:
                h = _fnv_step(h, marked[stop])
                stop += 1
                while stop < size and marked[stop] & HIGH_BITS == CONTINUES:
                    h = _fnv_step(h, marked[stop])
                    stop += 1
                length += 1
                if _counts(start, stop, size, length, lengths[0]):
                    rows[at] = first_bucket + np.int64(h % np.uint64(buckets))
                    at += 1


@compiled
def floret_rows(text, offsets, lengths, buckets, hashes, starts, rows):
    """Write the rows of every word with its marks, and then of every n-gram, in floret's order.

    The parameters are those of `fasttext_rows`, but that each n-gram has `hashes` rows.
    """
    marked, numbers = np.empty(_longest(offsets) + 2, np.uint8), np.empty(4, np.uint64)
    for word in range(len(starts)):
        at = starts[word]
        if at < 0:
            continue
        size = _mark(text, offsets[word], offsets[word + 1], marked)
        at = _write_hashes(marked, 0, size, buckets, hashes, numbers, rows, at)
        for start in range(size):
            if marked[start] & HIGH_BITS == CONTINUES:
                continue
            stop, length = start, 0
            while stop < size and length < lengths[1]:
                stop += 1
                while stop < size and marked[stop] & HIGH_BITS == CONTINUES:
                    stop += 1
                length += 1
                if _counts(start, stop, size, length, lengths[0]):
                    at = _write_hashes(marked, start, stop, buckets, hashes, numbers, rows, at)


@helper
def _longest(offsets):
    """Return how many bytes the longest word has."""
    longest = 0
    for word in range(len(offsets) - 1):
        longest = max(longest, offsets[word + 1] - offsets[word])
    return longest


@helper
def _mark(text, start, stop, marked):
    """Copy a word with a mark at either end; return its size."""
    marked[0] = BEGIN
    for i in range(start, stop):
        marked[1 + i - start] = text[i]
    marked[1 + stop - start] = END
    return stop - start + 2


@helper
def _counts(start, stop, size, length, shortest):
    """Return whether an n-gram counts: a single character does not if it is a mark at either end."""
    return length >= shortest and not (length == 1 and (start == 0 or stop == size))


@helper
def _fnv_step(h, byte):
    value = np.uint64(byte)
    if byte & SIGN_BIT:
        value |= SIGN_EXTENSION
    return ((h ^ value) * FNV_PRIME) & LOW_HALF


@helper
def _write_hashes(marked, start, stop, buckets, hashes, numbers, rows, at):
    """Write the rows of one n-gram; return where the next ones go."""
    _murmur(marked, start, stop, numbers)
    for i in range(hashes):
        rows[at + i] = np.int64(numbers[i] % np.uint64(buckets))
    return at + hashes


@helper
def _murmur(data, start, stop, numbers):
    """Write the four numbers of MurmurHash3_x64_128 of some bytes."""
    h1, h2, size = MURMUR_SEED, MURMUR_SEED, np.uint64(stop - start)
    while stop - start >= 16:
        h1 ^= _scramble1(_number(data, start, start + 8))
        h1 = (_turned(h1, TURN_27) + h2) * FIVE + ADD1
        h2 ^= _scramble2(_number(data, start + 8, start + 16))
        h2 = (_turned(h2, TURN_31) + h1) * FIVE + ADD2
        start += 16
    # The last bytes, fewer than 16. Zero scrambles to zero, so an empty part changes nothing.
    h2 ^= _scramble2(_number(data, start + 8, stop))
    h1 ^= _scramble1(_number(data, start, min(stop, start + 8)))
    h1 ^= size
    h2 ^= size
    h1 += h2
    h2 += h1
    h1, h2 = _finished(h1), _finished(h2)
    h1 += h2
    h2 += h1
    numbers[0], numbers[1] = h1 & LOW_HALF, h1 >> THIRTY_TWO
    numbers[2], numbers[3] = h2 & LOW_HALF, h2 >> THIRTY_TWO


@helper
def _number(data, start, stop):
    """Return up to eight bytes as a little-endian number."""
    number = np.uint64(0)
    for i in range(stop - 1, start - 1, -1):
        number = (number << EIGHT) | np.uint64(data[i])
    return number


@helper
def _turned(number, bits):
    return (number << bits) | (number >> (SIXTY_FOUR - bits))


@helper
def _scramble1(number):
    return _turned(number * C1, TURN_31) * C2


@helper
def _scramble2(number):
    return _turned(number * C2, THIRTY_THREE) * C1


@helper
def _finished(h):
    h = (h ^ (h >> THIRTY_THREE)) * FINAL1
    h = (h ^ (h >> THIRTY_THREE)) * FINAL2
    return h ^ (h >> THIRTY_THREE)
