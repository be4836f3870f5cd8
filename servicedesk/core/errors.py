"""What an operation refuses, as classes with a stable code and words to translate."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from servicedesk.core.text import Text, msgid

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta


class DomainError(Exception):
    """A refusal: nothing has changed. `code` is stable, `text` is for the person asking."""

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 409
    sentence: ClassVar[str] = msgid("That is not possible.")
    retry_after: timedelta | None = None  # when it may be worth another try

    @property
    def facts(self) -> Mapping[str, object]:
        """Return what a program may want to know beside the sentence."""
        return {}

    def __init__(
        self, sentence: str | None = None, *, field: str | None = None, **values: object
    ) -> None:
        """Refuse with this class's sentence, or another msgid; `field` names the input at fault."""
        self.text = Text(sentence or self.sentence, values)
        self.field = field
        super().__init__(str(self.text))


class Forbidden(DomainError):
    """The actor may see the thing but not do this to it."""

    code = "forbidden"
    status = 403
    sentence = msgid("You do not have permission to do this.")


class NotFound(DomainError):
    """It does not exist, or not for this actor: the two cannot be told apart."""

    code = "not-found"
    status = 404
    sentence = msgid("This does not exist.")


class InvalidInput(DomainError):
    """What was sent cannot be understood or accepted."""

    code = "invalid-input"
    status = 422
    sentence = msgid("Check what you entered.")


class InvalidFields(InvalidInput):
    """Several fields are at fault, each with a sentence of its own (msgids by name)."""

    faults_at = ""

    def __init__(self, faults: Mapping[str, str]) -> None:
        """Refuse with what is wrong beside each field."""
        super().__init__()
        self.faults = {name: Text(sentence) for name, sentence in faults.items()}


class NotAllowedNow(DomainError):
    """The thing's present state does not allow this move."""

    code = "not-allowed-now"
    sentence = msgid("This is not possible in its present state.")


class Conflict(DomainError):
    """Somebody else was faster."""

    code = "conflict"
    sentence = msgid("Somebody else changed this meanwhile. Look at it again.")
