"""Registering devices from a pasted or uploaded list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, render_template
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from servicedesk.clients.choices import clients_to_choose
from servicedesk.core.errors import DomainError, InvalidInput
from servicedesk.core.permissions import Permission, require
from servicedesk.core.text import msgid
from servicedesk.devices.registration import BadRows, register_devices
from servicedesk.shell.errors import put_beside_field
from servicedesk.shell.navigation import to
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from typing import Any

    from flask.typing import ResponseReturnValue

    from servicedesk.devices.registration import RowFault

MOST_BYTES = 1_000_000
MOST_TO_ENROL = 200  # that an address can name; more are enrolled by group or from the fleet
EXAMPLE = """serial;platform;os_version;manufacturer;model;ownership;holder;email;group
F2LXK0001;ios;26.1;Apple;iPhone 15;corporate;Ana Ruiz;ana.ruiz@example.com;Comercial
R5CX90002;android;16;Samsung;Galaxy A54;personal;Luis Gil;luis.gil@example.com;"""


class RegisterForm(FlaskForm):
    """A list of devices."""

    client = SelectField(_("Client"), [InputRequired(_("Choose a client."))])
    group = StringField(
        _("Group"),
        [Length(max=100)],
        description=_("For the devices whose row names none. It has to exist already."),
    )
    rows = TextAreaField(
        _("List of devices"),
        [Length(max=MOST_BYTES)],
        description=_("One device a line; commas, semicolons or tabs between the columns."),
    )
    file = FileField(_("Or a CSV file"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Offer the clients."""
        super().__init__(*args, **kwargs)
        self.client.choices = [
            SelectChoice("", "—"),
            *(SelectChoice(c.reference, c.name) for c in clients_to_choose(current_actor())),
        ]

    def text(self) -> str:
        """Return the file's text, or what was pasted. Raises InvalidInput at `file`."""
        file = self.file.data
        if not file or not file.filename:
            return str(self.rows.data or "")
        content: bytes = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise InvalidInput(msgid("The file is larger than 1 MB."), field="file")
        for encoding in ("utf-8-sig", "cp1252"):
            try:
                return content.decode(encoding)
            except UnicodeDecodeError:
                continue
        raise InvalidInput(msgid("This is no text file."), field="file")


def register() -> ResponseReturnValue:
    """Register devices; what is wrong is said row by row, and nothing is lost."""
    require(current_actor(), Permission.DEVICE_REGISTER)
    form = RegisterForm()
    faults: tuple[RowFault, ...] = ()
    if form.validate_on_submit():
        try:
            text = form.text()
            form.rows.data = text  # a file that is wrong in places can be mended right here
            devices = register_devices(
                current_actor(), form.client.data, text, (form.group.data or "").strip()
            )
        except BadRows as refused:
            put_beside_field(form, refused)
            faults = refused.rows
        except DomainError as refused:
            put_beside_field(form, refused)
        else:
            flash(
                gettext(
                    "Registered: %(count)s devices. Now they can be enrolled.", count=len(devices)
                )
            )
            references = [device.reference for device in devices[:MOST_TO_ENROL]]
            return redirect(to("ask.action", code="device.enrol", device=references))
    page = render_template(
        "devices/register.html", form=form, faults=faults, example=EXAMPLE, most_shown=100
    )
    return page, (422 if form.errors or form.form_errors else 200)
