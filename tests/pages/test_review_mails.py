"""What people read when something happens to a review: by mail, and at the bell."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from flask import Flask
from flask_babel import force_locale

from config import ROOT, Settings
from servicedesk.reviews.models import MARK_LABELS
from servicedesk.shell import formatting, language, mail

AT = datetime(2026, 6, 1, 8, tzinfo=UTC)
FACTS = {
    "reference": "REV-2026-000007",
    "client": "Somebody Ltd",
    "month": "2026-05-01",
    "author": "Elena <Rubio>",
    "time_zone": "Europe/Madrid",
}
SAID = {"words": "First line.\nSecond <line>."}
CASES = [
    ("review_drafted", False, {}, "Write the review", "Redactar la revisión"),
    ("review_published", True, {"mark": "watch"}, "needs attention", "requiere atención"),
    ("review_acknowledged", False, SAID, "has acknowledged it", "ha dado su conformidad"),
    ("review_comment", False, SAID, "has commented", "ha comentado"),
    ("review_comment", True, SAID, "has commented", "ha comentado"),
    ("review_addendum", True, SAID, "with an addendum", "con una adenda"),
]


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    app = Flask("desk", root_path=str(ROOT), template_folder="templates")
    language.install(app)
    formatting.install(app)
    folder = str(tmp_path_factory.mktemp("mail"))
    environment = {"SERVICEDESK_MODE": "test", "SERVICEDESK_INSTANCE": folder}
    mail.install(app, Settings.from_environment(environment))
    app.jinja_env.globals.update(review_mark_labels=MARK_LABELS, public_url="https://desk.example")
    return app


@pytest.mark.parametrize(("kind", "is_for_contact", "said", "english", "spanish"), CASES)
def test_each_mail_says_what_happened_and_leads_to_the_review(
    app, kind, is_for_contact, said, english, spanish
):
    place = "portal" if is_for_contact else "desk"
    for wanted, words, month in (("en", english, "May 2026"), ("es", spanish, "mayo de 2026")):
        outgoing = SimpleNamespace(
            template=kind,
            language=wanted,
            context=FACTS | said | {"is_for_contact": is_for_contact},
            recipient="ana@desk.example",
            subject_reference=FACTS["reference"],
            created_at=AT,
            message_id="x",
        )
        with app.app_context():
            message = mail.render(outgoing)
        assert words in message.html
        assert month in message.subject
        for part in (message.body, message.html):
            assert month in part
            assert "Somebody Ltd" in part
            assert f"https://desk.example/{place}/reviews/REV-2026-000007" in part
        assert "Elena <Rubio>" not in message.html
        assert ("Second &lt;line&gt;." in message.html) is bool(said.get("words"))


@pytest.mark.parametrize(("kind", "is_for_contact", "said", "english", "spanish"), CASES[1:])
def test_each_notice_says_it_too(app, kind, is_for_contact, said, english, spanish):
    told = FACTS | said | {"is_for_contact": is_for_contact}
    notice = SimpleNamespace(kind=kind, facts=told)
    for wanted, words in (("en", english), ("es", spanish)):
        with app.app_context(), force_locale(wanted):
            page = app.jinja_env.get_template("components/notice.html")
            line = page.make_module({}).notice_words(notice)
        assert words in line
        assert ("Second &lt;line&gt;." in line) is bool(said.get("words"))
