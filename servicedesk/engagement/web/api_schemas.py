"""What the API takes and tells about engagement days."""

from __future__ import annotations

from decimal import Decimal

from marshmallow import Schema, ValidationError, fields, validate

from servicedesk.clients.web.api import PageQuery
from servicedesk.engagement.models import AmendmentState, EntryKind, VisitKind, VisitState
from servicedesk.engagement.plans import MOST_ATTENDEES, NOTE_LENGTH, PLACE_LENGTH, TITLE_LENGTH

LARGEST = 2**31
MOST_DAYS = 400


def _fits_a_year(days: Decimal) -> None:
    """Refuse what no contract year holds; whether they are quarters the operation says."""
    if not 0 <= days <= MOST_DAYS:
        raise ValidationError(f"Days are between 0 and {MOST_DAYS}.")


class Days(fields.Decimal):
    """Days in quarters, told and taken as text: 0.25, 1.5."""

    def __init__(self, **told: object) -> None:
        """Keep to what a contract year can hold."""
        super().__init__(
            as_string=True,
            allow_nan=False,
            validate=_fits_a_year,
            metadata={"type": "string", "description": "Days, exactly: 0.25, 1.5, 16."},
            **told,  # type: ignore[arg-type]  # marshmallow's own keywords
        )


class BalanceSchema(Schema):
    """What a contract year has, and what became of it: total = reserved + consumed + left."""

    client = fields.String(required=True)
    contract = fields.String(required=True)
    year = fields.Integer(required=True, metadata={"description": "1 is the contract's first."})
    first_on = fields.Date(required=True)
    last_on = fields.Date(required=True)
    total_days = Days(required=True)
    reserved_days = Days(required=True)
    consumed_days = Days(required=True)
    left_days = Days(required=True)


class BalancesSchema(Schema):
    """A piece of the list of balances."""

    items = fields.List(fields.Nested(BalanceSchema), required=True)
    next = fields.String(required=True, allow_none=True)


class LedgerLineSchema(Schema):
    """A line of the ledger, and what was left after it."""

    at = fields.DateTime(required=True)
    kind = fields.Enum(EntryKind, by_value=True, required=True)
    days = Days(required=True)
    visit = fields.String(required=True, allow_none=True)
    amendment = fields.String(required=True, allow_none=True)
    reason = fields.String(required=True)
    author = fields.String(required=True)
    left_days = Days(required=True)


class AmendmentSchema(Schema):
    """More days for a contract year, and who agreed to them."""

    reference = fields.String(required=True)
    days = Days(required=True)
    reason = fields.String(required=True)
    state = fields.Enum(AmendmentState, by_value=True, required=True)
    offered_by = fields.String(required=True)
    offered_at = fields.DateTime(required=True)
    operator_agreed_by = fields.String(required=True, allow_none=True)
    operator_agreed_at = fields.DateTime(required=True, allow_none=True)
    client_agreed_by = fields.String(required=True, allow_none=True)
    client_agreed_at = fields.DateTime(required=True, allow_none=True)


class YearSchema(BalanceSchema):
    """A contract year with its ledger."""

    entries = fields.List(fields.Nested(LedgerLineSchema), required=True)
    amendments = fields.List(fields.Nested(AmendmentSchema), required=True)


class YearQuery(Schema):
    """Which contract year; today's if none is named."""

    year = fields.Integer(load_default=None, validate=validate.Range(1, 9999))


class VisitSchema(Schema):
    """A visit."""

    reference = fields.String(required=True)
    client = fields.String(required=True)
    kind = fields.Enum(VisitKind, by_value=True, required=True)
    title = fields.String(required=True)
    day = fields.Date(required=True, metadata={"description": "In the contract's time zone."})
    starts_at = fields.DateTime(required=True)
    ends_at = fields.DateTime(required=True)
    state = fields.Enum(VisitState, by_value=True, required=True)
    planned_days = Days(required=True)
    reserved_days = Days(required=True)
    consumed_days = Days(required=True)
    is_on_site = fields.Boolean(required=True)
    place = fields.String(required=True)
    attendees = fields.List(fields.String(), required=True)
    manager = fields.String(required=True)
    note = fields.String(required=True)
    minutes = fields.String(required=True)
    version = fields.Integer(required=True)


class VisitsSchema(Schema):
    """A piece of the list of visits."""

    items = fields.List(fields.Nested(VisitSchema), required=True)
    next = fields.String(required=True, allow_none=True)


class VisitQuery(PageQuery):
    """Whose visits, and which piece of the list."""

    client = fields.String(load_default="", validate=validate.Length(max=40))


class PlannedVisit(Schema):
    """What is said of a visit when it is planned."""

    kind = fields.Enum(VisitKind, by_value=True, required=True)
    title = fields.String(required=True, validate=validate.Length(1, TITLE_LENGTH))
    day = fields.Date(required=True)
    at = fields.Time(
        required=True, metadata={"description": "In the contract's time zone, as HH:MM:SS."}
    )
    days = Days(required=True)
    is_on_site = fields.Boolean(required=True)
    place = fields.String(load_default="", validate=validate.Length(max=PLACE_LENGTH))
    attendees = fields.List(
        fields.String(validate=validate.Length(max=254)),
        load_default=list,
        validate=validate.Length(max=MOST_ATTENDEES),
    )


class NewVisit(PlannedVisit):
    """A visit to book."""

    client = fields.String(required=True, validate=validate.Length(max=40))


class ChangedVisit(PlannedVisit):
    """A planned visit as it shall be."""

    version = fields.Integer(required=True, validate=validate.Range(0, LARGEST))
    note = fields.String(load_default="", validate=validate.Length(max=NOTE_LENGTH))


class Outcome(Schema):
    """What became of a visit."""

    outcome = fields.String(
        required=True,
        validate=validate.OneOf(("done", "cancelled", "corrected")),
        metadata={"description": "corrected: `days` were taken instead of what was confirmed."},
    )
    days = Days(load_default=Decimal(0))
    reason = fields.String(load_default="", validate=validate.Length(max=NOTE_LENGTH))
    version = fields.Integer(required=True, validate=validate.Range(0, LARGEST))


class OfferedDays(Schema):
    """Days to add to the contract year of a day."""

    days = Days(required=True)
    day = fields.Date(required=True)
    reason = fields.String(required=True, validate=validate.Length(1, NOTE_LENGTH))


class EndedOffer(Schema):
    """Why an offer ends."""

    reason = fields.String(required=True, validate=validate.Length(1, NOTE_LENGTH))
