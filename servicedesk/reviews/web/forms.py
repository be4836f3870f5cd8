"""Forms of reviews. Words that were typed stay in them, whatever is refused."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import BooleanField, DateField, StringField, TextAreaField
from wtforms.validators import InputRequired

from servicedesk.engagement.models import VisitKind
from servicedesk.engagement.web.forms import PlanForm

_NEEDED = _("This is needed.")


class CommentForm(FlaskForm):
    """A word about a review."""

    body = TextAreaField(_("Comment"), [InputRequired(_NEEDED)])


class AcknowledgeForm(FlaskForm):
    """That a contact has read it, with words if they like."""

    body = TextAreaField(
        _("Comment, if you like"), description=_("Your account manager reads it and answers.")
    )


class ActionForm(FlaskForm):
    """Who does what by when."""

    words = StringField(_("What is to be done"), [InputRequired(_NEEDED)])
    owner = StringField(_("By whom"), [InputRequired(_NEEDED)])
    due_on = DateField(_("Until"), [InputRequired(_NEEDED)])


class AddendumForm(FlaskForm):
    """A correction of a published review."""

    body = TextAreaField(
        _("What is corrected"),
        [InputRequired(_NEEDED)],
        description=_("It stands at the top of the review. What was published stays as it is."),
    )
    recounted = BooleanField(_("Put the differences of the new count into the addendum"))


class MeetingForm(PlanForm):
    """The meeting of a review; its kind is given."""

    def __init__(self, **told: object) -> None:
        """Leave out what is no matter here."""
        super().__init__(**told)
        del self.kind
        del self.note

    def chosen_kind(self) -> VisitKind:
        """Return the one that there is."""
        return VisitKind.SERVICE_REVIEW
