"""The compiled part of `tokens`: split bytes into tokens, look them up in a hash table, count them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from w2v_cli.compute.hashing import mix_block, slot_of_hash
from w2v_cli.compute.jit import COMPILES, compiled, helper

if COMPILES:
    from w2v_cli.compute.simd import lowest_bit, white_space

NEWLINE_ID = 0
# The splitter looks at this many bytes at a time; each is a bit of a mask.
GROUP_BYTES = 64
# Tokens that are split before they are looked up.
BATCH = 512
GROUP = np.uint64(GROUP_BYTES)
ALL_BITS = np.uint64(0xFFFFFFFFFFFFFFFF)
LOW_HALF = np.uint64(0xFFFFFFFF)
ZERO, ONE, EIGHT, THIRTY_TWO = (np.uint64(n) for n in (0, 1, 8, 32))


class TokenTable(NamedTuple):
    """The arrays of a hash table. Entry 0 is the end of a line, which has no bytes and no slot.

    Attributes
    ----------
    slots : uint64, pairs in open addressing: a hash, and entry + length·2³²; the second is 0 if the slot is free.
    hashes : uint64, the hash of each entry.
    offsets : int64, where each entry begins in `arena`; the next one is where it ends.
    counts : int64, how often each entry occurs.
    arena : uint8, the bytes of all entries, with nothing between them.
    """

    slots: np.ndarray
    hashes: np.ndarray
    offsets: np.ndarray
    counts: np.ndarray
    arena: np.ndarray


@helper
def _eight_bytes(data, pos):
    """Return eight bytes as one little-endian number. LLVM turns the loop into a single load."""
    word = np.uint64(data[pos])
    for i in range(1, 8):
        word |= np.uint64(data[pos + np.uint64(i)]) << np.uint64(8 * i)
    return word


_mix_block = helper(mix_block)
_slot_of_hash = helper(slot_of_hash)


@helper
def _lowest_bytes(count):
    """Return a mask of the lowest `count` bytes of eight; `count` is 1…8."""
    return ALL_BITS >> (EIGHT * (EIGHT - count))


@helper
def _hash_of(data, start, length, secret):
    """Return the hash of a word, as `hashing` defines it.

    Two different words of the same length never have the same hash if that length is at most eight bytes. Words of up
    to 16 bytes, which is nearly all of them, take no branch, because the processor cannot predict whether a word is
    longer than eight.
    """
    head, tail = _eight_bytes(data, start), _eight_bytes(data, start + EIGHT)
    more = max(length, EIGHT) - EIGHT
    # The last factor clears the tail of a word that has no more than eight bytes.
    tail &= _lowest_bytes(max(min(more, EIGHT), ONE)) & (ZERO - np.uint64(more != ZERO))
    state = _mix_block(secret[0] + length, head & _lowest_bytes(min(length, EIGHT)), secret)
    state = _mix_block(state, tail, secret)
    pos = EIGHT + EIGHT
    while pos < length:
        state = _mix_block(state, _eight_bytes(data, start + pos) & _lowest_bytes(min(length - pos, EIGHT)), secret)
        pos += EIGHT
    return state


@helper
def _split(data, pos, end, secret, starts, lengths, hashes):
    """Find the next tokens, at most as many as the arrays hold; return pos, count. A newline has length 0.

    A group of 64 bytes becomes a mask with one bit for each white space. A token ends at such a bit if it has begun.
    """
    start, group, count = pos, pos, ZERO
    # Go on only while there is space for a whole group: an entry for each of its bytes, if all are newlines, and one
    # more for a token that began before the group.
    while count + GROUP < np.uint64(len(starts)):
        spaces = white_space(data, np.int64(group))
        while spaces != ZERO:
            at = group + lowest_bit(spaces)
            spaces &= spaces - ONE
            stop = min(at, end)
            if stop > start:
                starts[count], lengths[count] = start, stop - start
                hashes[count] = _hash_of(data, start, stop - start, secret)
                count += ONE
            if at >= end:
                return end, count
            if data[at] == 10:
                lengths[count] = ZERO
                count += ONE
            start = at + ONE
        group += GROUP
    return start, count


@helper
def _same_bytes(a, a_start, b, b_start, length):
    """Return whether two words of the same length, more than eight bytes, are equal."""
    last = length - EIGHT
    if _eight_bytes(a, a_start + last) != _eight_bytes(b, b_start + last):
        return False
    i = ZERO
    while i < last:
        if _eight_bytes(a, a_start + i) != _eight_bytes(b, b_start + i):
            return False
        i += EIGHT
    return True


@helper
def _entry_of(slots, offsets, arena, size, data, start, length, state):
    """Return the entry of a word; a new word becomes entry `size`."""
    mask = np.uint64(len(slots) // 2 - 1)
    slot = _slot_of_hash(state, mask + ONE)
    while slots[slot + slot + ONE] != ZERO:
        content = slots[slot + slot + ONE]
        if slots[slot + slot] == state and content >> THIRTY_TWO == length & LOW_HALF:
            entry = content & LOW_HALF
            # Up to eight bytes, equal hashes mean equal words, and the bytes need not be compared.
            if length <= EIGHT or _same_bytes(arena, np.uint64(offsets[entry]), data, start, length):
                return entry
        slot = (slot + ONE) & mask
    slots[slot + slot], slots[slot + slot + ONE] = state, size | (length << THIRTY_TWO)
    end = np.uint64(offsets[size])
    for i in range(length):
        arena[end + np.uint64(i)] = data[start + np.uint64(i)]
    offsets[size + ONE] = np.int64(end + length)
    return size


@compiled
def scan(data, pos, end, secret, table, size, ids, count):
    """Count tokens from `pos` on until the end, or until the table is full; return pos, count, size.

    Parameters
    ----------
    data : uint8 · pos, end : offsets in it · secret : of the hash.
    table : a TokenTable · size : how many entries it has.
    ids : int32, filled with the entries of the tokens in order · count : how many of them are filled already.

    Notes
    -----
    Tokens are handled in batches: split all, read the first slot of each, then look all of them up. Reading the slots
    on their own lets their cache misses overlap.
    """
    slots, hashes, offsets, counts, arena = table
    at, stop, size, count = np.uint64(pos), np.uint64(end), np.uint64(size), np.uint64(count)
    starts, lengths = np.empty(BATCH, np.uint64), np.empty(BATCH, np.uint64)
    states, found = np.empty(BATCH, np.uint64), np.empty((BATCH, 2), np.uint64)
    slot_count = np.uint64(len(slots) // 2)
    while at < stop and size + np.uint64(BATCH) <= np.uint64(len(counts)):
        at, tokens = _split(data, at, stop, secret, starts, lengths, states)
        for i in range(tokens):
            slot = _slot_of_hash(states[i], slot_count)
            found[i, 0], found[i, 1] = slots[slot + slot], slots[slot + slot + ONE]
        for i in range(tokens):
            if lengths[i] == ZERO:
                if count == ZERO or ids[count - ONE] != NEWLINE_ID:
                    counts[NEWLINE_ID] += 1
                    ids[count] = NEWLINE_ID
                    count += ONE
                continue
            length, state = lengths[i], states[i]
            entry = found[i, 1] & LOW_HALF
            if found[i, 0] != state or found[i, 1] >> THIRTY_TWO != length or length > EIGHT:
                entry = _entry_of(slots, offsets, arena, size, data, starts[i], length, state)
                if entry == size:
                    hashes[size] = state
                    size += ONE
            counts[entry] += 1
            ids[count] = np.int32(entry)
            count += ONE
    return np.int64(at), np.int64(count), np.int64(size)


@compiled
def absorb(table, size, other_table, other_size, done, translation):
    """Add the entries of another table from `done` on, until the end or until this table is full; return done, size.

    Parameters
    ----------
    table, other_table : both a TokenTable · size, other_size : how many entries they have.
    translation : int32, filled with this table's entry for each entry of the other.
    """
    slots, hashes, offsets, counts, arena = table
    _, other_hashes, other_offsets, other_counts, other_arena = other_table
    size, other_count, other = np.uint64(size), np.uint64(other_size), np.uint64(done)
    while other < other_count and size < np.uint64(len(counts)):
        start = np.uint64(other_offsets[other])
        length = np.uint64(other_offsets[other + ONE]) - start
        entry = _entry_of(slots, offsets, arena, size, other_arena, start, length, other_hashes[other])
        if entry == size:
            hashes[size] = other_hashes[other]
            size += ONE
        counts[entry] += other_counts[other]
        translation[other] = np.int32(entry)
        other += ONE
    return np.int64(other), np.int64(size)


@compiled
def fill_slots(table, size) -> None:
    """Enter all entries but the newline into the slots of a TokenTable, which must be empty."""
    slots, hashes, offsets, _, _ = table
    mask = np.uint64(len(slots) // 2 - 1)
    for i in range(1, size):
        entry = np.uint64(i)
        slot = _slot_of_hash(hashes[entry], mask + ONE)
        while slots[slot + slot + ONE] != ZERO:
            slot = (slot + ONE) & mask
        length = np.uint64(offsets[entry + ONE] - offsets[entry])
        slots[slot + slot], slots[slot + slot + ONE] = hashes[entry], entry | (length << THIRTY_TWO)
