"""Versions as lists of numbers that sort as the versions do, in Python and as `bigint[]` alike.

A key is the numbers of the release without zeros at its end, each two higher than written, then
1; a pre-release has 0 there and goes on with its words and numbers. What is no version has the empty
key, lower than all. So a list that is compared place by place says what semantic versioning says.
"""

from __future__ import annotations

import re
from functools import lru_cache

LONGEST = 200  # characters of a version that are looked at
BEFORE_RELEASE, RELEASE, NUMBERS = 0, 1, 2  # what may follow a number, lowest first
IS_NUMBER, IS_WORD, END_OF_WORD = 1, 2, 0
DIGITS = 18  # of one place: ten to the eighteenth and two fit a bigint
MANY_DIGITS = 2**62  # and how many places the number has

_VERSION = re.compile(r"\s*v?\s*([0-9]+(?:\.[0-9]+)*)([^+\s(]*)", re.IGNORECASE)
_PARTS = re.compile(r"[0-9]+|[a-z]+")


def version_key(text: str) -> list[int]:
    """Return the key of a version; never raises, and what is no version sorts lowest."""
    return list(_key(text[:LONGEST]))


@lru_cache(maxsize=8192)  # a fleet has few versions and tells them again and again
def _key(text: str) -> tuple[int, ...]:
    found = _VERSION.match(text)
    if found is None:
        return ()
    numbers = found[1].split(".")
    while numbers and not numbers[-1].strip("0"):
        numbers.pop()
    key = [place for number in numbers for place in _places(number)]
    parts = _PARTS.findall(found[2].lower())
    if not parts:
        return (*key, RELEASE)
    key.append(BEFORE_RELEASE)
    for part in parts:
        key += [IS_NUMBER, *_places(part)] if part.isdigit() else _letters(part)
    return tuple(key)


def _places(digits: str) -> list[int]:
    """Return a number as one place, or as how many places it has and those."""
    digits = digits.lstrip("0")
    if len(digits) <= DIGITS:
        return [int(digits or "0") + NUMBERS]
    count = -(-len(digits) // DIGITS)
    padded = digits.zfill(count * DIGITS)
    places = [int(padded[start : start + DIGITS]) for start in range(0, len(padded), DIGITS)]
    return [MANY_DIGITS + count, *places]


def _letters(word: str) -> list[int]:
    return [IS_WORD, *map(ord, word), END_OF_WORD]
