"""What happens to a form that an operation refuses: its input stays, the words stand beside it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from servicedesk.core import database
from servicedesk.core.errors import DomainError, Forbidden, NotFound
from servicedesk.shell.errors import put_beside_field

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def refusals_beside_fields(form: Any) -> Iterator[None]:
    """Put what an operation refuses into the form, and go on after the block.

    What does not exist or is not permitted is no matter of input and becomes its page.
    """
    try:
        yield
    except (Forbidden, NotFound):
        raise
    except DomainError as refused:
        database.session().rollback()
        put_beside_field(form, refused)
        form.refused_status, form.refusal = refused.status, refused


def form_status(form: Any) -> int:
    """Return the status of a page with this form: 200 until something was refused."""
    return getattr(form, "refused_status", 422) if form.errors else 200
