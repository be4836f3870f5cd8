"""Writing and publishing reviews: nobody overwrites anybody, and what is published stays to the byte."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import select, text, update

from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.core.errors import (
    Conflict,
    DomainError,
    Forbidden,
    InvalidInput,
    NotAllowedNow,
    NotFound,
)
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.reviews.drafting import recount_review
from servicedesk.reviews.frozen import addendum_hash, canonical, hash_of
from servicedesk.reviews.metrics import BY_CODE
from servicedesk.reviews.models import Mark, Place, ReviewContent, ReviewState
from servicedesk.reviews.publishing import (
    acknowledge_review,
    add_addendum,
    comment_review,
    publish_review,
)
from servicedesk.reviews.queries import counted_since, evidence_of, reviews
from servicedesk.reviews.writing import OtherWords, ask_recount, give_mark, write_text
from servicedesk.tickets.closing import rate_ticket
from servicedesk.tickets.handling import add_message, move_ticket
from servicedesk.tickets.merging import merge_ticket
from servicedesk.tickets.models import Ticket
from tests.engagement_story import looking
from tests.review_story import Month, at, kept, seen_by


@pytest.fixture
def month(make):
    return Month(make)


@pytest.fixture
def draft(month):
    return month.draft()


@pytest.fixture
def published(month, draft):
    month.publish(draft)
    return draft


# writing


def test_of_two_editors_one_gets_the_others_words_and_nothing_is_overwritten(make, month, draft):
    other = make.supervisor()
    first = write_text(month.manager, draft, Place.RISKS, "Licences end\r\n", version=0)
    assert (first.body, first.version) == ("Licences end", 1)
    with pytest.raises(OtherWords) as refused:
        write_text(other, draft, Place.RISKS, "None", version=0)
    assert (refused.value.theirs.body, refused.value.theirs.version) == ("Licences end", 1)
    write_text(other, draft, Place.RISKS, "Licences end. None else.", version=1)
    with pytest.raises(OtherWords):
        write_text(month.manager, draft, Place.RISKS, "Licences end in May", version=1)
    text = seen_by(month.manager, draft).texts[Place.RISKS]
    assert (text.body, text.version) == ("Licences end. None else.", 2)


def test_a_save_whose_answer_was_lost_may_be_sent_again(month, draft):
    for _ in range(2):
        saved = write_text(month.manager, draft, Place.VERDICT, "All well", version=0)
        assert saved.version == 1
    with pytest.raises(Conflict):
        write_text(month.manager, draft, Place.TIMES, "Late", version=3)


def test_two_who_save_at_once_do_not_overwrite_each_other(make, sessions, month, draft):
    people = [month.manager, make.supervisor()]

    def save(number: int) -> str:
        try:
            write_text(people[number], draft, Place.VERDICT, f"Words {number}", version=0)
        except DomainError as refused:
            return type(refused).__name__
        finally:
            sessions.remove()
        return "saved"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(save, range(2))) == ["OtherWords", "saved"]


def test_words_have_an_end_and_no_hidden_characters(month, draft):
    for words in ("x" * 5001, "a\x00b"):
        with pytest.raises(InvalidInput):
            write_text(month.manager, draft, Place.VERDICT, words, version=0)
    assert seen_by(month.manager, draft).texts == {}


# publishing


def test_publishing_wants_a_verdict_a_mark_and_what_was_previewed(month, draft):
    def publish(fingerprint: str = "") -> None:
        seen = fingerprint or seen_by(month.manager, draft).fingerprint
        publish_review(month.manager, draft, fingerprint=seen)

    with pytest.raises(InvalidInput) as refused:
        publish()
    assert refused.value.field == "mark"
    give_mark(month.manager, draft, Mark.WATCH)
    with pytest.raises(InvalidInput) as refused:
        publish()
    assert refused.value.field == "verdict"
    stale = seen_by(month.manager, draft).fingerprint
    write_text(month.manager, draft, Place.VERDICT, "All well", version=0)
    with pytest.raises(Conflict):
        publish(stale)
    stale = seen_by(month.manager, draft).fingerprint
    with clock.told_as(at(11, 4)):
        ask_recount(month.manager, draft)
        with pytest.raises(NotAllowedNow):
            publish(stale)
        recount_review(seen_by(month.manager, draft).review.id)
    with pytest.raises(Conflict):  # the figures are of another moment now
        publish(stale)
    publish()
    assert seen_by(month.contact, draft).review.state is ReviewState.PUBLISHED


def test_of_two_who_publish_at_once_one_does(make, sessions, month, draft):
    write_text(month.manager, draft, Place.VERDICT, "All well", version=0)
    give_mark(month.manager, draft, Mark.GOOD)
    seen = seen_by(month.manager, draft).fingerprint
    people = [month.manager, make.supervisor()]

    def publish(number: int) -> str:
        try:
            publish_review(people[number], draft, fingerprint=seen)
        except DomainError as refused:
            return type(refused).__name__
        finally:
            sessions.remove()
        return "published"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(publish, range(2))) == ["NotAllowedNow", "published"]


def test_what_is_published_is_what_its_hash_is_of(month, published):
    text_kept, evidence, digest = kept(published)
    told = json.loads(text_kept)
    assert hash_of(text_kept) == digest
    assert canonical(told) == text_kept
    assert (told["mark"], told["texts"]) == ("good", {"verdict": "All well"})
    assert told["published_by"] == month.manager.name
    assert evidence


def everything(actor, reference):
    """Return all a contact reads of a review, each figure with what is behind it."""
    found = {}
    with database.acting_as(actor):
        for code in BY_CODE:
            view = evidence_of(actor, reference, code)
            found[code] = (view.value, [item.to_json() for item in view.items], view.total)
        database.session().rollback()
    return found


def test_a_published_review_stays_to_the_byte_whatever_happens_to_its_tickets(
    make, month, published
):
    before, told = kept(published), everything(month.contact, published)
    mail, wifi = (ticket.reference for ticket in month.tickets)
    with clock.told_as(at(11, 5)):
        rate_ticket(month.contact, mail, 1, "On second thoughts")
        move_ticket(month.contact, wifi, "reopen", words="Again")
        add_message(month.agent, wifi, "We look at it once more")
        other = month.ticket("Other", month=11)
        move_ticket(month.contact, other.reference, "reopen", words="Again")
        merge_ticket(month.agent, wifi, other.reference)
    with unit_of_work(SYSTEM, "test") as work:
        work.session.execute(
            update(Ticket).where(Ticket.reference == mail).values(subject="x", reference="GONE-1")
        )
    assert kept(published) == before
    assert everything(month.contact, published) == told
    assert told["volume"][2] == 4  # two came and were solved
    assert told["satisfaction"][0].amount == 1.0


@pytest.mark.parametrize("who", ["contact", "manager", "agent", "supervisor", "desk"])
def test_the_database_lets_nobody_change_what_is_published(make, month, published, who):
    actor = {"agent": month.agent, "supervisor": make.supervisor(), "desk": SYSTEM}.get(who)
    actor = actor or getattr(month, who)
    before = kept(published)
    for statement in CHANGES:
        with database.acting_as(actor):
            with pytest.raises(Exception, match=r"what is published stays|permission denied"):
                database.session().execute(text(statement))
            database.session().rollback()
    assert kept(published) == before


CHANGES = (
    "UPDATE service_review_content SET content = content || ' '",
    "UPDATE service_review_content SET evidence = ''",
    "UPDATE service_review SET hash = 'x'",
    "UPDATE service_review SET mark = 'bad'",
    "UPDATE service_review SET month = '2026-09-01'",
    "UPDATE service_review SET published_at = now()",
    "UPDATE service_review SET state = 'draft', published_at = NULL, hash = NULL",
    "DELETE FROM service_review_content",
    "DELETE FROM service_review",
)


def test_not_even_the_owner_of_the_tables_changes_what_is_published(published, as_owner):
    before = kept(published)
    for statement in CHANGES[:7]:
        with pytest.raises(Exception, match="what is published stays"):
            as_owner(statement)
    assert kept(published) == before


# after it


def test_only_the_clients_contact_acknowledges_also_in_the_database(make, month, published):
    stranger = make.contact(make.client())
    with pytest.raises(NotFound):
        acknowledge_review(stranger, published)
    for actor in (month.manager, month.agent, make.supervisor()):
        with pytest.raises(Forbidden):
            acknowledge_review(actor, published)
    by_hand = text(
        "UPDATE service_review SET state = 'acknowledged', acknowledged_at = now(),"
        " acknowledged_by_name = 'x'"
    )
    for actor in (month.manager, month.agent, SYSTEM):
        with database.acting_as(actor):
            with pytest.raises(Exception, match="the client acknowledges itself"):
                database.session().execute(by_hand)
            database.session().rollback()
    with database.acting_as(stranger):
        assert database.session().execute(by_hand).rowcount == 0
        database.session().rollback()
    review = acknowledge_review(month.contact, published, "Read it")
    assert (review.state, review.acknowledged_by_name) == (
        ReviewState.ACKNOWLEDGED,
        month.contact.name,
    )
    with pytest.raises(NotAllowedNow):
        acknowledge_review(month.contact, published)
    assert [one.body for one in seen_by(month.manager, published).comments] == ["Read it"]


def test_comments_and_addenda_are_only_ever_added(month, published, as_owner):
    comment_review(month.contact, published, "Why so late?")
    comment_review(month.manager, published, "We were few")
    add_addendum(month.manager, published, "A day was missing", recounted=False)
    for table in ("comment", "addendum"):
        for change in (
            f"UPDATE service_review_{table} SET body = 'x'",
            f"DELETE FROM service_review_{table}",
        ):
            with pytest.raises(Exception, match=r"never changed|append|stays|permission"):
                as_owner(change)
    said = seen_by(month.contact, published).comments
    assert [one.body for one in said] == ["Why so late?", "We were few"]


def test_an_addendum_tells_what_differs_and_goes_on_from_the_hash_before(month, published):
    with pytest.raises(NotAllowedNow):  # nobody had it counted anew
        add_addendum(month.manager, published, "One came back", recounted=True)
    with clock.told_as(at(11, 5)):
        move_ticket(month.contact, month.tickets[1].reference, "reopen", words="Again")
        ask_recount(month.manager, published)
        recount_review(seen_by(month.manager, published).review.id)
    with database.acting_as(month.manager):
        _counted, differences = counted_since(month.manager, published)
        database.session().rollback()
    assert [one["code"] for one in differences] == ["reopen_rate"]
    assert [differences[0][when]["amount"] for when in ("before", "after")] == [0.0, 0.5]
    add_addendum(month.manager, published, "One came back", recounted=True)
    add_addendum(month.manager, published, "That is all", recounted=False)
    view = seen_by(month.contact, published)
    assert view.addenda[0].differences == differences
    before = view.review.hash
    for number, one in enumerate(view.addenda, start=1):
        assert one.hash == addendum_hash(before, number, one.body, one.differences)
        before = one.hash
    assert hash_of(view.text) == view.review.hash


# who sees what


def test_of_a_draft_a_contact_knows_nothing_also_in_the_database(make, month, draft):
    write_text(month.manager, draft, Place.VERDICT, "Between us", version=0)
    with pytest.raises(NotFound):
        seen_by(month.contact, draft)
    with pytest.raises(NotFound):
        acknowledge_review(month.contact, draft)
    with database.acting_as(month.contact):
        assert reviews(month.contact).items == []
        for table in ("", "_content", "_text", "_action", "_comment", "_addendum", "_month"):
            rows = database.session().execute(text(f"SELECT * FROM service_review{table}")).all()
            assert rows == [], table
        database.session().rollback()
    month.publish_written(draft)
    assert seen_by(month.contact, draft).content["texts"] == {"verdict": "Between us"}
    with database.acting_as(month.contact):
        assert database.session().execute(text("SELECT * FROM service_review_text")).all() == []
        database.session().rollback()


def test_of_another_clients_review_nobody_knows(make, month, published):
    other = make.client()
    for actor in (make.contact(other), make.person(Role.ACCOUNT_MANAGER, other)):
        with pytest.raises(NotFound):
            seen_by(actor, published)
        with pytest.raises(NotFound):
            everything(actor, published)
        with database.acting_as(actor):
            assert database.session().scalars(select(ReviewContent)).all() == []
            database.session().rollback()
        if not actor.is_contact:
            for act in (
                lambda who: write_text(who, published, Place.RISKS, "x", version=0),
                lambda who: ask_recount(who, published),
                lambda who: add_addendum(who, published, "x", recounted=False),
                lambda who: comment_review(who, published, "x"),
            ):
                with pytest.raises(NotFound):
                    act(actor)


def test_who_only_reads_writes_nothing(month, draft):
    for actor in (month.agent, replace(month.contact)):
        with pytest.raises((Forbidden, NotFound)):
            write_text(actor, draft, Place.VERDICT, "x", version=0)
        with pytest.raises((Forbidden, NotFound)):
            ask_recount(actor, draft)


def test_everything_that_is_done_is_in_the_audit_trail(month, published):
    ask_recount(month.manager, published)
    recount_review(seen_by(month.manager, published).review.id)
    add_addendum(month.manager, published, "One came back", recounted=False)
    comment_review(month.contact, published, "Why?")
    acknowledge_review(month.contact, published)
    acts = looking(
        text(f"SELECT act FROM audit_entry WHERE subject = '{published}' ORDER BY number")
    )
    assert list(acts) == [
        "reviews.draft",
        "reviews.write",
        "reviews.mark",
        "reviews.publish",
        "reviews.ask_recount",
        "reviews.recount",
        "reviews.add_addendum",
        "reviews.comment",
        "reviews.acknowledge",
    ]
