"""Forms of tickets; each ends in a typed value for an operation."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from flask_wtf.file import MultipleFileField
from wtforms import (
    BooleanField,
    DateTimeLocalField,
    HiddenField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional

from servicedesk.core.files import Upload
from servicedesk.devices.parameters import Kind
from servicedesk.devices.web.parameter_forms import parameter_fields, values_of
from servicedesk.tickets.breaches import CAUSE_LABELS, Explanation
from servicedesk.tickets.categories import CATEGORY_LABELS, IncidentCategory
from servicedesk.tickets.intake import (
    DESCRIPTION_LENGTH,
    SUBJECT_LENGTH,
    NewTicket,
    WantedAction,
)
from servicedesk.tickets.models import (
    IMPACT_LABELS,
    URGENCY_LABELS,
    Impact,
    TicketKind,
    Urgency,
)
from servicedesk.tickets.outcomes import RATING_LABELS, VERDICT_LABELS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from servicedesk.devices.catalogue.action import ManagedAction
    from servicedesk.devices.web.parameter_forms import Offers

REQUIRED = InputRequired(_("This is needed."))


def _choices(labels: Mapping[Any, str]) -> list[SelectChoice]:
    return [SelectChoice(key.value, gettext(label)) for key, label in labels.items()]


def categories() -> list[SelectChoice]:
    """Return the categories of incidents to choose from, and none beforehand."""
    return [SelectChoice("", gettext("Choose …")), *_choices(CATEGORY_LABELS)]


class TicketForm(FlaskForm):
    """What everybody says who opens a ticket."""

    subject = StringField(
        _("In one line"),
        [REQUIRED, Length(max=SUBJECT_LENGTH, message=_("This is too long."))],
    )
    description = TextAreaField(
        _("What is it about?"),
        [REQUIRED, Length(max=DESCRIPTION_LENGTH, message=_("This is too long."))],
    )
    impact = SelectField(_("Impact"), default=Impact.LOW.value)
    urgency = SelectField(_("Urgency"), default=Urgency.MEDIUM.value)
    files = MultipleFileField(_("Files"))
    once = HiddenField()  # the same at a repeated press: one ticket

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Fill the choices in the reader's language."""
        super().__init__(*args, **kwargs)
        self.impact.choices = _choices(IMPACT_LABELS)
        self.urgency.choices = _choices(URGENCY_LABELS)

    def to_ticket(self, kind: TicketKind, client: str, devices: Sequence[str] = ()) -> NewTicket:
        """Return what was filled in."""
        return NewTicket(
            kind=kind,
            subject=self.subject.data or "",
            description=self.description.data or "",
            impact=Impact(self.impact.data),
            urgency=Urgency(self.urgency.data),
            client=client,
            devices=devices,
            uploads=uploads_of(self.files),
            idempotency_key=self.once.data or None,
        )


class IncidentForm(TicketForm):
    """What everybody says, and what is broken."""

    category = SelectField(_("What is broken?"), [REQUIRED])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Fill the choices in the reader's language."""
        super().__init__(*args, **kwargs)
        self.category.choices = categories()

    def to_ticket(self, kind: TicketKind, client: str, devices: Sequence[str] = ()) -> NewTicket:
        """Return what was filled in."""
        category = IncidentCategory(self.category.data)
        return replace(super().to_ticket(kind, client, devices), category=category)


class RequestForm(TicketForm):
    """What everybody says, and the parameters of an action under names of their own."""

    @staticmethod
    def presets(action: ManagedAction, given: Mapping[str, str]) -> dict[str, str]:
        """Return what an address already fills in of an action's parameters, never a secret."""
        return {
            one.name: given[one.name]
            for one in action.parameters
            if one.name in given and one.kind is not Kind.SECRET
        }


def request_form(action: ManagedAction, offers: Offers | None = None) -> type[RequestForm]:
    """Return the form of a catalogue entry; `offers`: what of the client's can be chosen."""
    return type("ActionForm", (RequestForm,), parameter_fields(action.parameters, offers))


def wanted_action(
    action: ManagedAction, form: TicketForm, devices: Sequence[str], groups: Sequence[str]
) -> WantedAction:
    """Return what the form asks to be done."""
    parameters = values_of(action.parameters, form)
    return WantedAction(code=action.code, devices=devices, groups=groups, parameters=parameters)


def uploads_of(field: Any) -> list[Upload]:
    """Return the files of a field; browsers send an empty one when nothing was chosen."""
    return [
        Upload(name=file.filename, content=file.read())
        for file in field.data or []
        if getattr(file, "filename", "")
    ]


class ExplainForm(FlaskForm):
    """Why targets were missed."""

    cause = SelectField(_("Why were they missed?"))
    cause_words = StringField(
        _("In two lines"), description=_("The client reads it, also in the monthly review.")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Offer the causes, and none beforehand."""
        super().__init__(*args, **kwargs)
        self.cause.choices = [SelectChoice("", gettext("Choose …")), *_choices(CAUSE_LABELS)]

    @property
    def explanation(self) -> Explanation:
        """Return what was filled in."""
        return Explanation(cause=self.cause.data or "", words=self.cause_words.data or "")


class MessageForm(ExplainForm):
    """Something said on a ticket; whoever resolves it says why targets were missed."""

    body = TextAreaField(_("Your message"), [Length(max=DESCRIPTION_LENGTH)])
    internal = BooleanField(_("Internal note: the client does not see it"))
    files = MultipleFileField(_("Files"))
    # a step to make with the same words: ask the client, plan, resolve, reopen
    move = HiddenField()
    until = DateTimeLocalField(
        _("Agreed date"),
        [Optional()],
        format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
        description=_("The clocks wait until then; the ticket goes on by itself."),
    )


class AnswerForm(FlaskForm):
    """An answer to a query: a saved question to the fleet."""

    question = SelectField(_("Question to the fleet"))
    words = TextAreaField(_("In your words"), [Length(max=DESCRIPTION_LENGTH)])


class RatingForm(FlaskForm):
    """How good it was."""

    rating = RadioField(_("How was it?"), coerce=str)
    comment = TextAreaField(_("In your words"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Offer one to five, in words."""
        super().__init__(*args, **kwargs)
        self.rating.choices = [SelectChoice(str(n), gettext(w)) for n, w in RATING_LABELS.items()]

    @property
    def score(self) -> int | None:
        """Return what was chosen, if it is one of the five."""
        chosen = self.rating.data or ""
        return int(chosen) if chosen in {str(n) for n in RATING_LABELS} else None


class ClosingForm(RatingForm):
    """A contact's decision about a resolved ticket."""

    verdict = RadioField(_("Is it solved?"), coerce=str)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Offer the three."""
        super().__init__(*args, **kwargs)
        self.verdict.choices = _choices(VERDICT_LABELS)


class AssignForm(FlaskForm):
    """Who takes it, and which team."""

    assignee = SelectField(_("Assigned to"), coerce=int)
    queue = SelectField(_("Queue"))


class ClassifyForm(FlaskForm):
    """Impact and urgency, corrected."""

    impact = SelectField(_("Impact"))
    urgency = SelectField(_("Urgency"))
    category = SelectField(_("What is broken"), [Optional()])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Fill the choices in the reader's language."""
        super().__init__(*args, **kwargs)
        self.impact.choices = _choices(IMPACT_LABELS)
        self.urgency.choices = _choices(URGENCY_LABELS)
        self.category.choices = categories()


class StepsForm(FlaskForm):
    """Steps to add to the checklist."""

    steps = TextAreaField(_("Steps, one a line"))


class SkipForm(FlaskForm):
    """Why a step is not done."""

    reason = StringField(_("Not done, because"))


class RelateForm(FlaskForm):
    """Another ticket this one has to do with."""

    other = StringField(_("Related ticket"), [REQUIRED, Length(max=40)])


class MergeForm(FlaskForm):
    """The ticket that goes on with this one."""

    into = StringField(_("Merge into"), [REQUIRED, Length(max=40)])
