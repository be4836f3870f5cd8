from __future__ import annotations

import smtplib
import socket
import socketserver
import stat
import threading
from dataclasses import replace
from email import message_from_bytes, message_from_file
from email.policy import default

import pytest
from flask import Flask
from sqlalchemy import select

from config import ROOT, Settings
from servicedesk.core import database
from servicedesk.core.actors import SYSTEM
from servicedesk.core.mail import (
    MailNotAccepted,
    OutgoingMail,
    is_open,
    queue_mail,
    send_mail,
    use_store,
)
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.shell import formatting, language, mail

LINK = "https://desk.example/password/link/abc"
FACTS = {
    "name": "Íñigo <b>",
    "link": LINK,
    "portal": "https://desk.example",
    "days": 7,
    "minutes": 30,
}


class Postman(socketserver.ThreadingTCPServer):
    """A small SMTP server: what it took, and what it says to a mail."""

    daemon_threads = True

    def __init__(self):
        self.taken, self.answer = [], "250 OK"
        super().__init__(("127.0.0.1", 0), Conversation)


class Conversation(socketserver.StreamRequestHandler):
    def handle(self):
        self.say("220 desk")
        while line := self.rfile.readline():
            verb = line[:4].upper().strip()
            if verb == b"DATA":
                self.say("354 go on")
                self.say(self.take())
            elif verb == b"QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 OK")

    def take(self):
        lines = iter(self.rfile.readline, b".\r\n")
        content = b"".join(line.removeprefix(b".") for line in lines)
        if self.server.answer.startswith("250"):
            self.server.taken.append(message_from_bytes(content, policy=default))
        return self.server.answer

    def say(self, words):
        self.wfile.write(f"{words}\r\n".encode())


@pytest.fixture
def settings(tmp_path):
    made = Settings.from_environment(
        {"SERVICEDESK_MODE": "test", "SERVICEDESK_INSTANCE": str(tmp_path)}
    )
    return replace(made, mail_sender="Desk <desk@desk.example>")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture
def postman():
    with Postman() as server:
        server.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def install(settings):
    app = Flask("desk", root_path=str(ROOT), template_folder="templates")
    app.config["SECRET_KEY"] = settings.secret_key
    language.install(app)
    formatting.install(app)
    mail.install(app, settings)


def queued(template="first_password", language="es", about="ana@desk.example"):
    with unit_of_work(SYSTEM, "tests.mail") as work:
        queue_mail(work, "ana@desk.example", language, template, about=about, **FACTS)
    return row().id


def row():
    session = database.session()
    session.rollback()
    return session.scalars(select(OutgoingMail).order_by(OutgoingMail.id.desc())).first()


@pytest.mark.usefixtures("sessions")
def test_a_mail_leaves_once_as_text_and_html_and_forgets_its_link(settings, postman):
    install(replace(settings, mail_server="127.0.0.1", mail_port=postman.port))
    mail_id = queued()

    send_mail(mail_id)
    send_mail(mail_id)

    (message,) = postman.taken
    text = message.get_body(("plain",)).get_content()
    html = message.get_body(("html",)).get_content()
    assert LINK in text
    assert f'href="{LINK}"' in html
    assert "Íñigo <b>" in text
    assert "Íñigo &lt;b&gt;" in html
    assert message["Message-ID"] == f"<{row().message_id}@desk.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert (row().context, row().attempts) == ({}, 1)


@pytest.mark.usefixtures("sessions")
@pytest.mark.parametrize("answer", ["451 later", "554 never"])
def test_a_refused_mail_stays_and_is_the_same_at_the_next_try(settings, postman, answer):
    install(replace(settings, mail_server="127.0.0.1", mail_port=postman.port))
    mail_id, postman.answer = queued(), answer
    with pytest.raises(MailNotAccepted):
        send_mail(mail_id)
    assert (row().sent_at, row().attempts) == (None, 1)
    assert answer[:3] in row().error
    identity = row().message_id

    postman.answer = "250 OK"
    send_mail(mail_id)

    assert [message["Message-ID"] for message in postman.taken] == [f"<{identity}@desk.example>"]
    assert (row().error, row().attempts) == (None, 2)


@pytest.mark.usefixtures("sessions")
def test_a_server_that_is_away_is_tried_again(settings):
    install(replace(settings, mail_server="127.0.0.1", mail_port=free_port()))

    with pytest.raises(MailNotAccepted):
        send_mail(queued())

    assert row().sent_at is None


def test_whether_the_server_is_there_is_asked_without_a_mail(settings, postman):
    install(replace(settings, mail_server="127.0.0.1", mail_port=postman.port))
    assert is_open()
    install(replace(settings, mail_server="127.0.0.1", mail_port=free_port()))
    assert not is_open()
    install(settings)
    assert is_open()  # a folder always is
    assert postman.taken == []


@pytest.mark.usefixtures("sessions")
def test_a_server_that_hangs_up_after_taking_the_mail_has_taken_it(settings, postman, monkeypatch):
    install(replace(settings, mail_server="127.0.0.1", mail_port=postman.port))

    def hang_up(self):
        self.close()
        raise smtplib.SMTPServerDisconnected

    monkeypatch.setattr(smtplib.SMTP, "quit", hang_up)
    send_mail(queued())

    assert len(postman.taken) == 1
    assert row().sent_at is not None


@pytest.mark.usefixtures("sessions")
@pytest.mark.parametrize("template", ["first_password", "reset_password", "password_changed"])
@pytest.mark.parametrize("wanted", ["es", "en"])
def test_without_a_server_mails_land_in_a_folder_only_the_owner_reads(settings, template, wanted):
    install(settings)

    send_mail(queued(template, wanted, about="PET-2026-000123"))

    (path,) = mail.mail_folder(settings).iterdir()
    with path.open() as file:
        message = message_from_file(file, policy=default)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert message["References"] == "<pet-2026-000123@desk.example>"
    assert message["Subject"].strip()
    assert f'lang="{wanted}"' in message.get_body(("html",)).get_content()


@pytest.mark.usefixtures("sessions")
def test_a_line_break_in_a_fact_makes_no_header(settings):
    install(settings)
    with unit_of_work(SYSTEM, "tests.mail") as work:
        queue_mail(
            work,
            "ana@desk.example",
            "en",
            "password_changed",
            about="x",
            name="A\r\nBcc: b@c.example",
        )

    send_mail(row().id)

    (path,) = mail.mail_folder(settings).iterdir()
    with path.open() as file:
        assert message_from_file(file, policy=default)["Bcc"] is None


@pytest.mark.usefixtures("sessions")
@pytest.mark.parametrize("language", ["es", "en"])
def test_a_file_goes_with_its_mail_unless_it_is_gone_by_then(settings, postman, language):
    install(replace(settings, mail_server="127.0.0.1", mail_port=postman.port))
    use_store("tests", {"there": b"a;b\r\n"}.get)
    for key in ("there", "gone"):
        file = {"store": "tests", "key": key, "name": "a-report.csv", "media_type": "text/csv"}
        told = {"title": "Ñandú", "first_on": None, "last_on": None, "rows": 2, "place": "portal"}
        told |= {"reference": "REP-2026-000001", "key": "k3y", "personal": False, "attached": file}
        with unit_of_work(SYSTEM, "tests.mail") as work:
            address, about = "ana@desk.example", "REP-2026-000001"
            told["public_url"] = "https://desk.example"
            queue_mail(work, address, language, "report_ready", about=about, **told)
        send_mail(row().id)
    with_file, without = postman.taken
    (attached,) = with_file.iter_attachments()
    assert attached.get_filename() == "a-report.csv"
    assert attached.get_content_type() == "text/csv"
    assert attached.get_payload(decode=True) == b"a;b\r\n"
    assert not list(without.iter_attachments())
    link = "https://desk.example/portal/reports/files/k3y"
    for message in postman.taken:
        assert link in message.get_body(("plain",)).get_content()
        assert f'href="{link}"' in message.get_body(("html",)).get_content()
        assert "Ñandú" in message["Subject"]
