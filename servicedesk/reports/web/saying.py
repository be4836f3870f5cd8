"""Words in any language and paper, for what a worker writes without a request."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from flask_babel import force_locale

from servicedesk.reports.speech import use_shell
from servicedesk.shell.language import translate
from servicedesk.shell.pdf import pdf_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servicedesk.reports.speech import Say


def install() -> None:
    """Have reports said by the shell."""
    use_shell(_speak, pdf_of)


@contextmanager
def _speak(language: str) -> Iterator[Say]:
    with force_locale(language):
        yield translate
