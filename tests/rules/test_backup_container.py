"""The file of a backup: whatever is done to it shows, and before the first byte is used."""

from __future__ import annotations

import io

import pytest

from servicedesk.backups import container
from servicedesk.backups.container import (
    HEADER,
    PIECE,
    TAG,
    BackupProblem,
    Damaged,
    Reader,
    Writer,
    WrongKey,
)

KEY = "a key of thirty-two characters or more"


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Small pieces, and a key that is derived quickly."""
    derive = container.hashlib.scrypt
    monkeypatch.setattr(container, "PIECE", 64)
    monkeypatch.setattr(
        container.hashlib, "scrypt", lambda key, **how: derive(key, **(how | {"n": 2}))
    )


def written(content: bytes, key: str | None) -> bytes:
    file = io.BytesIO()
    writer = Writer(file, key)
    for start in range(0, len(content), 17):
        writer.write(content[start : start + 17])
    writer.close()
    return file.getvalue()


def read(file: bytes, key: str | None) -> bytes:
    reader, found = Reader(io.BytesIO(file), key), b""
    while block := reader.read(23):
        found += block
    reader.drain()
    return found


@pytest.mark.parametrize("key", [None, KEY])
@pytest.mark.parametrize("length", [0, 1, 63, 64, 65, 128, 129, 1000])
def test_what_is_written_is_read(length, key):
    content = bytes(number % 251 for number in range(length))
    assert read(written(content, key), key) == content


@pytest.mark.parametrize("key", [None, KEY])
def test_any_byte_that_is_changed_cut_or_added_is_noticed(key):
    whole = written(bytes(range(200)), key)
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1
        with pytest.raises(BackupProblem):
            read(bytes(changed), key)
        with pytest.raises(BackupProblem):
            read(whole[:place], key)
    for more in (b"\0", b"\n", whole):
        with pytest.raises(Damaged):
            read(whole + more, key)


def test_pieces_keep_their_places():
    whole, size = written(bytes(range(256)), KEY), 64 + TAG
    pieces = [whole[start : start + size] for start in range(HEADER, len(whole), size)]
    assert len(pieces) == 4
    for order in ([1, 0, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 1, 2, 3], [0, 1, 2], [3]):
        with pytest.raises(Damaged):
            read(whole[:HEADER] + b"".join(pieces[index] for index in order), KEY)
    other = written(bytes(range(256)), KEY)  # the same again, under a salt of its own
    with pytest.raises(Damaged):
        read(other[:HEADER] + whole[HEADER:], KEY)


def test_another_key_or_none_is_said_in_words():
    whole = written(b"words", KEY)
    with pytest.raises(WrongKey, match="made with another key"):
        read(whole, KEY + "x")
    with pytest.raises(WrongKey, match="set BACKUP_KEY"):
        read(whole, None)
    assert b"words" not in whole
    assert PIECE == 1024 * 1024
