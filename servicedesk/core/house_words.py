"""Words of the desk that are stored as text for everybody, such as a ticket's subject: in Spanish.

What is told to a reader is translated when it is read (`core/text.py`); this is for what is not.
"""

from __future__ import annotations

import gettext
from functools import cache

from config import ROOT
from servicedesk.core.text import Verbatim

LANGUAGE = "es"


@cache
def _catalogue() -> gettext.NullTranslations:
    # a machine without compiled catalogues says it in English
    return gettext.translation("messages", ROOT / "translations", [LANGUAGE], fallback=True)


def stored(words: str) -> str:
    """Return a marked text in the language of the house; what somebody typed stays as it is."""
    is_typed = isinstance(words, Verbatim) or not words
    return str(words) if is_typed else _catalogue().gettext(words)
