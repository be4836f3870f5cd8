"""The supervisor's page about backups, and what everybody is told after a restore."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from servicedesk.backups.models import BackupRecord
from servicedesk.core import database
from servicedesk.core.actors import Role
from servicedesk.core.mail import OutgoingMail
from servicedesk.core.restored import Restoration
from tests.visitor import visiting

PAGE = "/desk/admin/backups/"
NOW = datetime.now(UTC)


@pytest.fixture
def restored(desk):
    """A desk that was restored, with a mail and a job of the past; as before at the end."""
    session = database.session()
    held = OutgoingMail(
        recipient="held@backup.example",
        language="es",
        template="ticket_news",
        context={"name": "nobody's business"},
        subject_reference="SOL-2026-000001",
        message_id=uuid4().hex,
        created_at=NOW,
        held_at=NOW,
    )
    restoration = Restoration(
        id=uuid4(), backup="b.tar", taken_at=NOW, restored_at=NOW, finished_at=NOW, held={}
    )
    record = BackupRecord(
        name=f"servicedesk-{uuid4().hex}.tar",
        taken_at=NOW - timedelta(days=3),
        seconds=61,
        size=1_500_000,
        row_count=1234,
        attachment_count=5,
        is_encrypted=False,
        problem="table ticket: <b>7</b> rows, the backup has 8",
    )
    session.add_all([held, restoration, record])
    session.commit()
    yield held
    with desk.sessions.get_bind().begin() as owner:
        owner.execute(text("DELETE FROM restoration"))
        owner.execute(text("DELETE FROM backup_record"))
        owner.execute(text("DELETE FROM outgoing_mail WHERE recipient = 'held@backup.example'"))


def present(held) -> OutgoingMail:
    session = database.session()
    session.rollback()
    session.expire_all()
    return session.scalars(select(OutgoingMail).where(OutgoingMail.id == held.id)).one()


def test_a_supervisor_sees_the_backups_decides_about_what_is_held_and_opens_the_desk(
    desk, restored
):
    mail_id = restored.id
    with visiting(desk, desk.make.supervisor()) as visitor:
        page = visitor.get(PAGE).text
        assert "held@backup.example" in page
        assert "nobody's business" not in page
        assert "&lt;b&gt;7&lt;/b&gt; rows" in page
        assert 'role="alert"' in visitor.get("/desk/").text
        for typed in ({}, {"mail": "x"}, {"mail": "9" * 30}):
            assert visitor.post(f"{PAGE}mails", act="drop", **typed).status_code == 302
        assert visitor.post(f"{PAGE}mails", act="other", mail=str(mail_id)).status_code == 422
        assert visitor.post(f"{PAGE}jobs").status_code == 422
        assert present(restored).withdrawn_at is None
        assert visitor.post(f"{PAGE}mails", act="drop", mail=str(mail_id)).status_code == 302
        assert present(restored).withdrawn_at is not None
        assert visitor.post(f"{PAGE}jobs", act="drop").status_code == 302
        assert visitor.post(f"{PAGE}open").status_code == 302
        assert visitor.post(f"{PAGE}open").status_code == 409
        assert "held@backup.example" not in visitor.get(PAGE).text


def test_others_are_told_of_a_restore_and_decide_nothing(desk, restored):
    del restored
    make = desk.make
    with visiting(desk, make.agent()) as visitor:
        assert 'role="alert"' in visitor.get("/desk/").text
        for path in ("open", "mails", "jobs"):
            assert visitor.post(PAGE + path, act="drop", mail="1").status_code in {403, 404}
        assert visitor.get(PAGE).status_code in {403, 404}
    with visiting(desk, make.person(Role.ACCOUNT_MANAGER, make.client())) as visitor:
        assert 'role="alert"' in visitor.get("/desk/").text
    contact = make.contact()
    with visiting(desk, contact) as visitor:
        assert "b.tar" not in visitor.get("/portal/").text
        assert visitor.get(PAGE).status_code in {403, 404}
