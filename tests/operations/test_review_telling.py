"""Who hears of a review: its managers and contacts, never who caused it, and nobody twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from servicedesk.accounts.models import Notice
from servicedesk.clients.models import Contract
from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.core.mail import OutgoingMail
from servicedesk.reviews.drafting import draft_review
from servicedesk.reviews.jobs import tell
from servicedesk.reviews.models import Mark, Place
from servicedesk.reviews.publishing import (
    acknowledge_review,
    add_addendum,
    comment_review,
    publish_review,
)
from servicedesk.reviews.queries import review_view
from servicedesk.reviews.writing import give_mark, write_text
from tests.engagement_story import looking


def jobs() -> list[dict]:
    """Return what waits to be told, and forget it."""
    session = database.session()
    bind = session.get_bind()
    session.rollback()
    with bind.begin() as owner:
        taken = owner.exec_driver_sql(
            "DELETE FROM procrastinate_jobs WHERE task_name = 'reviews.tell' RETURNING args"
        )
        return [row[0] for row in taken]


def heard() -> list[tuple[str, int]]:
    """Tell what waits, twice each; return who was told what, by notice and by mail alike."""
    seen = len(looking(select(Notice)))
    mails_seen = len(looking(select(OutgoingMail)))
    for told in jobs():
        for _ in range(2):  # a job that runs twice tells nobody twice
            tell(**told)
    new = looking(select(Notice).order_by(Notice.id))[seen:]
    mails = looking(select(OutgoingMail).order_by(OutgoingMail.id))[mails_seen:]
    assert [mail.template for mail in mails] == [notice.kind for notice in new]
    return [(notice.kind, notice.user_id) for notice in new]


def test_each_side_hears_what_the_other_does(make):
    client = make.client()
    contact, second = make.contact(client), make.contact(client)
    manager, deputy = (make.person(Role.ACCOUNT_MANAGER, client) for _ in range(2))
    make.person(Role.ACCOUNT_MANAGER, make.client())
    make.contact()
    month = (datetime.now(UTC).replace(day=1) - timedelta(days=1)).date().replace(day=1)
    (contract,) = looking(select(Contract).where(Contract.client_id == client.id))
    with database.acting_as(SYSTEM):
        reference = draft_review(contract.id, month)
    managers = {manager.user_id, deputy.user_id}
    contacts = {contact.user_id, second.user_id}
    found = heard()
    assert {kind for kind, _person in found} == {"review_drafted"}
    assert {person for _kind, person in found} == managers

    def told_by(actor, act) -> set[tuple[str, int]]:
        with database.acting_as(actor):
            act()
        with database.acting_as(SYSTEM):
            return set(heard())

    def publish():
        write_text(manager, reference, Place.VERDICT, "All is well.", version=0)
        give_mark(manager, reference, Mark.GOOD)
        fingerprint = review_view(manager, reference).fingerprint
        publish_review(manager, reference, fingerprint=fingerprint)

    assert told_by(manager, publish) == {("review_published", one) for one in contacts}
    assert told_by(contact, lambda: acknowledge_review(contact, reference, "Fine.")) == {
        ("review_acknowledged", one) for one in managers
    }
    for actor, others in ((contact, managers), (manager, contacts)):
        said = told_by(actor, lambda actor=actor: comment_review(actor, reference, "A word."))
        assert said == {("review_comment", one) for one in others}
    with clock.told_as(datetime.now(UTC) + timedelta(hours=1)):
        corrected = told_by(
            manager, lambda: add_addendum(manager, reference, "A slip.", recounted=False)
        )
    assert corrected == {("review_addendum", one) for one in contacts}
