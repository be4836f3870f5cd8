"""How the words of a file are said in its reader's language, and how paper is made.

Both are matters of the shell, which this floor does not know: the composition root tells them.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from servicedesk.core.text import Text

    Say = Callable[["Text | str"], str]
    Paper = Callable[[str, Mapping[str, Any]], bytes]

_speak: list[Callable[[str], AbstractContextManager[Say]]] = []
_paper: list[Paper] = []


def use_shell(speak: Callable[[str], AbstractContextManager[Say]], paper: Paper) -> None:
    """Tell how words are said in a language, and how a template becomes a PDF."""
    _speak[:], _paper[:] = [speak], [paper]


def forget_shell() -> None:
    """Say texts as they are again."""
    _speak.clear()
    _paper.clear()


def speaking(language: str) -> AbstractContextManager[Say]:
    """Return what says texts in `language` inside the block; without a shell, as they are."""
    return _speak[0](language) if _speak else nullcontext(str)


def on_paper(template: str, data: Mapping[str, Any]) -> bytes:
    """Return a PDF of a template and its data."""
    return _paper[0](template, data)
