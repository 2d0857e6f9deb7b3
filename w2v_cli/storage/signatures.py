"""Tell from its first bytes which kind of file a file is: a document, an archive, a database, a picture, a program.

Every room that reads files refuses the kinds that it cannot read, each with hints of its own. Only kinds are known here
that plain text cannot be mistaken for. What is text itself, such as HTML or CSV, is for the rooms to judge.
"""

from __future__ import annotations

import re

# What a file is, as the predicate of "is", and a pattern that its first bytes match. A word of a text may begin like a
# signature of printable characters, so those are followed by something that no text has there.
_SIGNATURES = {
    "a PDF": rb"(?:\xef\xbb\xbf)?\s*%PDF-[0-9]",
    "a PostScript document": rb"%!PS(?:-Adobe|\r?\n)",
    "an RTF document": rb"\{\\rtf",
    "an old Office document": rb"\xd0\xcf\x11\xe0",
    "a DjVu document": rb"AT&TFORM..",
    "a Mobipocket book": rb".{60}BOOKMOBI",
    "a 7z archive": rb"7z\xbc\xaf\x27\x1c",
    "a RAR archive": rb"Rar!\x1a\x07",
    "compressed with gzip": rb"\x1f\x8b",
    "compressed with bzip2": rb"BZh[1-9](?:1AY&SY|\x17\x72\x45\x38\x50\x90)",
    "compressed with xz": rb"\xfd7zXZ\0",
    "compressed with zstandard": rb"\x28\xb5\x2f\xfd",
    "compressed with LZ4": rb"\x04\x22\x4d\x18",
    "compressed with LZMA": rb"\x5d\0\0..(?:\xff{8}|.{4}\0{4})\0|LZIP\x01",
    "compressed with compress": rb"\x1f\x9d",
    "compressed with Snappy": rb"\xff\x06\0\0sNaPpY",
    "an SQLite database": rb"SQLite format 3\0",
    "a Parquet file": rb"PAR1[\0-\x08\x0e-\x1f]",
    "an Arrow file": rb"ARROW1\0|FEA1\0",
    "an ORC file": rb"ORC\x11",
    "an Avro file": rb"Obj\x01",
    "an HDF5 file": rb"\x89HDF\r\n",
    "a numpy array": rb"\x93NUMPY",
    "a Python pickle": rb"\x80[\x02-\x05]|[\]}]q\0|\([dl]p[0-9]\n|ccopy_reg\n|c__builtin__\n",
    "a safetensors file": rb".{4}\0{4}\{",
    "a fastText model": rb"\xba\x16\x4f\x2f",
    "a finalfusion file": rb"FiFu.\0\0\0",
    "a GGUF file of a language model": rb"GGUF.\0\0\0",
    "a Git LFS pointer": rb"version https://git-lfs",
    "a PNG image": rb"\x89PNG\r\n",
    "a JPEG image": rb"\xff\xd8\xff",
    "a GIF image": rb"GIF8[79]a(?![\s,.;:)])",
    "a TIFF image": rb"II\*\0|MM\0\*",
    "a program": rb"\x7fELF|MZ\x90\0|\xcf\xfa\xed\xfe|\xca\xfe\xba\xbe|\0asm",
    "a WebP image": rb"RIFF.{4}WEBP",
    "a sound recording": rb"OggS\0|fLaC\0|ID3[\x02-\x04]|RIFF.{4}WAVE",
    "a film or a photograph": rb"\0\0\0.ftyp|\x1a\x45\xdf\xa3|RIFF.{4}AVI ",
}
_PATTERNS = {name: re.compile(pattern, re.DOTALL) for name, pattern in _SIGNATURES.items()}
# The suffix that w2v expects of a compressed file.
SUFFIXES = {
    "compressed with gzip": ".gz",
    "compressed with bzip2": ".bz2",
    "compressed with xz": ".xz",
    "compressed with zstandard": ".zst",
}
# What the first kilobytes of a zip archive hold if it is really a document.
_ZIPPED = {
    "a Word document": b"word/",
    "an Excel workbook": b"xl/",
    "a PowerPoint presentation": b"ppt/",
    "an OpenDocument file": b"mimetypeapplication/vnd.oasis.opendocument",
    "an EPUB book": b"mimetypeapplication/epub",
}
_OFFICE_SUFFIXES = {".docx": "a Word document", ".xlsx": "an Excel workbook", ".pptx": "a PowerPoint presentation"}


def packing_of(head: bytes) -> str | None:
    """Return the suffix that w2v expects of a file that is compressed as its first bytes say; None if it is not."""
    return next((suffix for kind, suffix in SUFFIXES.items() if _PATTERNS[kind].match(head)), None)


def kind_of(head: bytes, path: str) -> str | None:
    """Return what a file is, such as "a PDF"; None if it may be text, or is of an unknown kind.

    Parameters
    ----------
    head : the first bytes of the file, a few thousand.
    path : the name of the file; it tells one kind of zip archive from another.
    """
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        for suffix, name in _OFFICE_SUFFIXES.items():
            if path.lower().endswith(suffix):
                return name
        return next((name for name, part in _ZIPPED.items() if part in head[:8192]), "a zip archive")
    if _is_tar(head):
        return "a tar archive"
    return next((name for name, pattern in _PATTERNS.items() if pattern.match(head)), None)


def _is_tar(head: bytes) -> bool:
    """Whether a file begins with the header of a tar archive: zeros and a mark, or the right checksum."""
    header = head[:512]
    if header[257:262] == b"ustar" and b"\0" in header[:257]:
        return True
    try:
        checksum = int(header[148:156].strip(b" \0"), 8)
    except ValueError:
        return False
    # The checksum is the sum of all bytes, with blanks in its own place.
    return len(header) == 512 and b"\0" in header and sum(header) - sum(header[148:156]) + 8 * 32 == checksum
