"""What a text takes on the paper, guessed: the fonts of a reader's machine are not known here."""

from __future__ import annotations

import unicodedata

LONGEST = 200  # characters of a label, in a table too
ELLIPSIS = "…"
# of the size of the letters, in the widest of the fonts a page may be shown with
NARROW, AVERAGE, CAPITAL, WIDE, SQUARE = 0.4, 0.62, 0.74, 0.98, 1.05
SHAPES = {
    **dict.fromkeys("ijl.,:;'|!()[] ·/\u00a0\u202f", NARROW),
    **dict.fromkeys("mwMW%@—…", WIDE),
}
# what XML cannot hold, and what turns the direction of the words around it
LEFT_OUT = {"Cc", "Cs", "Co", "Cn", "Cf"}


def tidy(words: str) -> str:
    """Return a label on one line, without what a picture cannot hold, and not endless."""
    if len(words) > LONGEST:
        words = words[: LONGEST - 1].rstrip() + ELLIPSIS
    spaced = " ".join(words.split())
    return "".join(sign for sign in spaced if unicodedata.category(sign) not in LEFT_OUT)


def width_of(words: str, size: float) -> float:
    """Return how wide words of a size are, rather too much than too little."""
    return size * sum(map(_share, words))


def shortened(words: str, width: float, size: float) -> str:
    """Return as much of the words as there is room for, with an ellipsis where some are left out."""
    if width_of(words, size) <= width:
        return words
    room = width - width_of(ELLIPSIS, size)
    kept = 0
    for sign in words:
        room -= size * _share(sign)
        if room < 0:
            break
        kept += 1
    return words[:kept].rstrip() + ELLIPSIS


def _share(sign: str) -> float:
    known = SHAPES.get(sign)
    if known is not None:
        return known
    if unicodedata.east_asian_width(sign) in "WF":
        return SQUARE
    if unicodedata.combining(sign):
        return 0.0
    return CAPITAL if sign.isupper() else AVERAGE
