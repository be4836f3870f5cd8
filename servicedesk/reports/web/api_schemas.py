"""What the API takes and tells about reports."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from servicedesk.reports.columns import ColumnType
from servicedesk.reports.models import Format, RunState
from servicedesk.reports.periods import Period
from servicedesk.reports.wishes import LONGEST_TITLE, LONGEST_TYPED, MOST_COLUMNS

LONGEST_CODE = 40


class ReportColumnSchema(Schema):
    """A column that may be chosen."""

    code = fields.String(required=True)
    label = fields.String(required=True)
    type = fields.Enum(ColumnType, by_value=True, required=True)
    is_personal = fields.Boolean(required=True)
    is_usual = fields.Boolean(required=True)


class ReportFilterSchema(Schema):
    """What rows may be narrowed by; without values it is free text."""

    code = fields.String(required=True)
    label = fields.String(required=True)
    values = fields.List(fields.String(), required=True, allow_none=True)


class ReportKindSchema(Schema):
    """A kind of report."""

    code = fields.String(required=True)
    label = fields.String(required=True)
    description = fields.String(required=True)
    has_period = fields.Boolean(required=True)
    columns = fields.List(fields.Nested(ReportColumnSchema), required=True)
    filters = fields.List(fields.Nested(ReportFilterSchema), required=True)


class ReportKindsSchema(Schema):
    """The kinds one may ask for."""

    items = fields.List(fields.Nested(ReportKindSchema), required=True)


class ReportFileSchema(Schema):
    """One making of a report: how far it is, and where its file is once it is done."""

    key = fields.String(required=True)
    report = fields.String(required=True)
    title = fields.String(required=True)
    kind = fields.String(required=True)
    format = fields.Enum(Format, by_value=True, required=True)
    state = fields.Enum(RunState, by_value=True, required=True)
    first_on = fields.Date(required=True, allow_none=True)
    last_on = fields.Date(required=True, allow_none=True)
    rows_done = fields.Integer(required=True)
    rows_total = fields.Integer(required=True, allow_none=True)
    asked_at = fields.DateTime(required=True)
    finished_at = fields.DateTime(required=True, allow_none=True)
    size = fields.Integer(required=True, allow_none=True)
    sha256 = fields.String(required=True, allow_none=True)
    expires_at = fields.DateTime(required=True, allow_none=True)
    has_file = fields.Boolean(required=True)
    is_personal = fields.Boolean(required=True)
    problem = fields.String(required=True, allow_none=True)


class ReportSchema(Schema):
    """What was asked for."""

    reference = fields.String(required=True)
    title = fields.String(required=True)
    is_saved = fields.Boolean(required=True)
    kind = fields.String(required=True)
    columns = fields.List(fields.String(), required=True)
    filters = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    period = fields.Enum(Period, by_value=True, required=True, allow_none=True)
    first_on = fields.Date(required=True, allow_none=True)
    last_on = fields.Date(required=True, allow_none=True)
    format = fields.Enum(Format, by_value=True, required=True)
    client = fields.String(required=True, allow_none=True)
    time_zone = fields.String(required=True)
    author = fields.String(required=True)
    created_at = fields.DateTime(required=True)
    newest = fields.Nested(ReportFileSchema, required=True, allow_none=True)


class ReportsSchema(Schema):
    """A piece of the list of reports."""

    items = fields.List(fields.Nested(ReportSchema), required=True)
    next = fields.String(required=True, allow_none=True)


class NewReport(Schema):
    """A report to be made."""

    kind = fields.String(required=True, validate=validate.Length(max=LONGEST_CODE))
    columns = fields.List(
        fields.String(validate=validate.Length(max=LONGEST_CODE)),
        load_default=list,
        validate=validate.Length(max=MOST_COLUMNS),
        metadata={"description": "Codes of columns; none are the usual ones."},
    )
    filters = fields.Dict(
        keys=fields.String(validate=validate.Length(max=LONGEST_CODE)),
        values=fields.String(validate=validate.Length(max=LONGEST_TYPED)),
        load_default=dict,
    )
    period = fields.Enum(
        Period,
        by_value=True,
        load_default=Period.LAST_MONTH,
        metadata={"description": "`own` needs first_on and last_on."},
    )
    first_on = fields.Date(load_default=None, allow_none=True)
    last_on = fields.Date(load_default=None, allow_none=True)
    format = fields.Enum(Format, by_value=True, load_default=Format.CSV)
    client = fields.String(
        load_default="",
        validate=validate.Length(max=LONGEST_CODE),
        metadata={"description": "Reference of a client; empty for all one sees."},
    )
    title = fields.String(load_default="", validate=validate.Length(max=LONGEST_TITLE))
