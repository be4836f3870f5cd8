"""How a ticket ends: one decision with its consequence, by mail too, and why targets were missed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from servicedesk.accounts.models import Notice, User
from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM, Role
from servicedesk.core.errors import Forbidden, InvalidFields, InvalidInput, NotAllowedNow, NotFound
from servicedesk.tickets import queries
from servicedesk.tickets.breaches import (
    BreachCause,
    Explanation,
    breaches_without_cause,
    causes_of,
)
from servicedesk.tickets.categories import IncidentCategory
from servicedesk.tickets.closing import AlreadyDecided, close_with_verdict, rate_ticket
from servicedesk.tickets.closing_links import ClosingLink, decider_of
from servicedesk.tickets.explaining import explain_breaches
from servicedesk.tickets.handling import assign_ticket, move_ticket, reclassify_ticket
from servicedesk.tickets.intake import NewTicket, open_ticket
from servicedesk.tickets.models import (
    EntryKind,
    Impact,
    TicketEntry,
    TicketKind,
    TicketState,
    Urgency,
)
from servicedesk.tickets.outcomes import ClosingVerdict, LeftOut
from servicedesk.tickets.quiet_days import close_quiet_tickets
from servicedesk.tickets.unhappy import tell_unhappy
from tests.warning_story import MONDAY, fresh, rows

NEW = NewTicket(kind=TicketKind.INCIDENT, subject="No mail", description="Since this morning.")
WHY = Explanation(cause="workload", words="Monday's peak;\n two people were ill.")


@pytest.fixture
def cast(make):
    client = make.client()
    return client, make.contact(client), make.agent()


def resolved(cast, at=MONDAY):
    _client, contact, agent = cast
    with clock.told_as(at):
        ticket = open_ticket(contact, NEW)
        move_ticket(agent, ticket.reference, "resolve", words="The mail server is back.")
    return fresh(ticket)


def tokens() -> list[str]:
    query = "SELECT context->>'closing' FROM outgoing_mail WHERE context ? 'closing' ORDER BY id"
    with database.acting_as(SYSTEM):
        found = list(database.session().scalars(text(query)))
        database.session().rollback()
    return found


def mails(template: str) -> list[str]:
    query = text("SELECT recipient FROM outgoing_mail WHERE template = :name ORDER BY id")
    with database.acting_as(SYSTEM):
        found = list(database.session().scalars(query, {"name": template}))
        database.session().rollback()
    return found


def entry(ticket, kind: EntryKind) -> TicketEntry:
    of = select(TicketEntry).where(TicketEntry.ticket_id == ticket.id, TicketEntry.kind == kind)
    return rows(of.order_by(TicketEntry.id.desc()))[0]


def test_solved_closes_it_and_a_rating_is_up_to_the_client(cast):
    _client, contact, _agent = cast
    plain, rated = resolved(cast), resolved(cast)
    close_with_verdict(contact, plain.reference, "solved")
    close_with_verdict(contact, rated.reference, "solved", 5, "Quick.")
    after = fresh(plain)
    assert (after.state, after.closing_verdict, after.rating, after.rated_at) == (
        TicketState.CLOSED,
        ClosingVerdict.SOLVED,
        None,
        None,
    )
    after = fresh(rated)
    assert (after.rating, after.rating_comment) == (5, "Quick.")
    assert after.rated_at
    said = entry(rated, EntryKind.DECIDED)
    assert (said.body, said.facts["rating"], said.facts["by_mail"]) == ("Quick.", 5, False)


def test_solved_but_stays_closed_and_its_account_manager_is_told_once(make, cast):
    client, contact, _agent = cast
    manager = make.person(Role.ACCOUNT_MANAGER, client)
    make.person(Role.ACCOUNT_MANAGER, make.client())
    ticket = resolved(cast)
    close_with_verdict(contact, ticket.reference, "solved_but", 3, "I had to call twice.")
    after = fresh(ticket)
    assert (after.state, after.closing_verdict) == (
        TicketState.CLOSED,
        ClosingVerdict.SOLVED_BUT,
    )
    tell_unhappy(ticket.id)
    rate_ticket(contact, ticket.reference, 1, "Worse than I thought.")
    tell_unhappy(ticket.id)
    assert mails("unhappy_client") == [manager.email]
    (notice,) = rows(select(Notice).where(Notice.kind == "unhappy_client"))
    assert (notice.user_id, notice.facts["words"]) == (manager.user_id, "I had to call twice.")


def test_without_an_account_manager_the_supervisors_hear_of_an_unhappy_client(make, cast):
    _client, contact, _agent = cast
    supervisor = make.supervisor()
    ticket = resolved(cast)
    close_with_verdict(contact, ticket.reference, "solved", 2)
    tell_unhappy(ticket.id)
    assert mails("unhappy_client") == [supervisor.email]


def test_not_solved_goes_back_to_work_with_a_new_clock_and_keeps_no_rating(cast):
    _client, contact, agent = cast
    ticket = resolved(cast)
    close_with_verdict(contact, ticket.reference, "not_solved", 1, "Still no mail.")
    after = fresh(ticket)
    assert (after.state, after.reopened_count, after.rating) == (TicketState.IN_PROGRESS, 1, None)
    view = queries.ticket_view(agent, ticket.reference)
    assert [one.ordinal for one in view.clocks if one.cycle.metric == "resolution"] == [2]
    database.session().rollback()


@pytest.mark.parametrize(
    ("verdict", "rating", "words", "at_fault"),
    [
        ("", None, "", {"verdict"}),
        ("solved_but", None, " ", {"rating", "comment"}),
        ("not_solved", None, "", {"comment"}),
        ("solved", 6, "a\x00b", {"rating", "comment"}),
        ("solved", None, "x" * 2001, {"comment"}),
    ],
)
def test_a_decision_says_beside_each_field_what_it_lacks(cast, verdict, rating, words, at_fault):
    _client, contact, _agent = cast
    ticket = resolved(cast)
    with pytest.raises(InvalidFields) as refused:
        close_with_verdict(contact, ticket.reference, verdict, rating, words)
    assert set(refused.value.faults) == at_fault
    assert fresh(ticket).state is TicketState.RESOLVED


def test_of_two_who_decide_at_once_one_wins_and_the_other_is_told(make, cast):
    client, contact, _agent = cast
    other = make.contact(client)
    ticket = resolved(cast)

    def decide(who, verdict: str) -> str:
        try:
            close_with_verdict(who, ticket.reference, verdict, None, "Words.")
        except AlreadyDecided:
            return "told"
        finally:
            database.session().close()
        return verdict

    with ThreadPoolExecutor(2) as pool:
        answers = [
            pool.submit(decide, contact, "solved"),
            pool.submit(decide, other, "not_solved"),
        ]
        outcomes = [answer.result() for answer in answers]
    assert outcomes.count("told") == 1
    won = {"solved": TicketState.CLOSED, "not_solved": TicketState.IN_PROGRESS}
    assert fresh(ticket).state is won[next(one for one in outcomes if one != "told")]


def test_only_contacts_decide_and_only_of_their_own_client(make, cast):
    _client, _contact, agent = cast
    ticket = resolved(cast)
    with pytest.raises(Forbidden):
        close_with_verdict(agent, ticket.reference, "solved")
    with pytest.raises(NotFound):
        close_with_verdict(make.contact(), ticket.reference, "solved")


def test_a_link_decides_once_as_the_person_it_was_sent_to(make, cast):
    _client, contact, _agent = cast
    ticket = resolved(cast)
    (token,) = tokens()
    with clock.told_as(MONDAY + timedelta(days=1)):
        link = decider_of(token, "203.0.113.9")
        assert (link.actor.user_id, link.reference) == (contact.user_id, ticket.reference)
        assert link.said == "The mail server is back."
        close_with_verdict(link.actor, link.reference, "solved_but", 3, "Slow.", link=link)
        with pytest.raises(NotFound):
            decider_of(token, "")
    said = entry(ticket, EntryKind.DECIDED)
    assert (said.author_name, said.facts["by_mail"], said.facts["sent_to"]) == (
        contact.name,
        True,
        contact.name,
    )
    assert token not in str([row.token_hash for row in rows(select(ClosingLink))])


def test_a_link_ends_with_time_another_decision_or_its_person(make, cast):
    _client, contact, agent = cast
    ticket = resolved(cast)
    (token,) = tokens()
    with clock.told_as(MONDAY + timedelta(hours=1)):
        link = decider_of(token, "")
        close_with_verdict(contact, ticket.reference, "not_solved", None, "No.")
        move_ticket(agent, ticket.reference, "resolve", words="Now it is.")
        for dead in (token, "nonsense", "\x00"):
            with pytest.raises(NotFound):
                decider_of(dead, "")
        with pytest.raises(AlreadyDecided):  # who had the page open decides on nothing newer
            close_with_verdict(link.actor, link.reference, "solved", link=link)
        newest = tokens()[-1]
        assert decider_of(newest, "").reference == ticket.reference
    with clock.told_as(MONDAY + timedelta(days=31)), pytest.raises(NotFound):
        decider_of(newest, "")
    with database.acting_as(SYSTEM):
        database.session().get_one(User, contact.user_id).is_active = False
        database.session().commit()
    with clock.told_as(MONDAY + timedelta(hours=2)), pytest.raises(NotFound):
        decider_of(newest, "")


def test_no_link_goes_to_the_operators_people(make, cast):
    _client, contact, agent = cast
    ticket = open_ticket(contact, NEW)
    watcher = make.agent()
    from_desk = rows(select(ClosingLink))
    assign_ticket(agent, ticket.reference, watcher.user_id)
    move_ticket(agent, ticket.reference, "resolve", words="Done.")
    (link,) = rows(select(ClosingLink))
    assert from_desk == []
    assert link.user_id == contact.user_id


def test_what_closed_by_itself_has_no_verdict_and_can_still_be_rated_or_reopened(cast):
    _client, contact, _agent = cast
    ticket = resolved(cast)
    with clock.told_as(MONDAY + timedelta(days=12)):
        assert close_quiet_tickets() == 1
        assert fresh(ticket).closing_verdict is None
        with pytest.raises(NotAllowedNow):
            close_with_verdict(contact, ticket.reference, "solved")
        rate_ticket(contact, ticket.reference, 4)
        rate_ticket(contact, ticket.reference, 5)
        assert fresh(ticket).rating == 5
        move_ticket(contact, ticket.reference, "reopen", words="It is back.")
    assert fresh(ticket).rating == 5, "what was said stays said"


def late(cast):
    """Return a ticket whose first answer and solution are overdue, and when."""
    _client, contact, _agent = cast
    with clock.told_as(MONDAY):
        ticket = open_ticket(contact, NEW)
    return ticket, MONDAY + timedelta(days=14)


def test_who_resolves_a_ticket_late_says_why_for_every_missed_target(cast):
    client, contact, agent = cast
    ticket, at = late(cast)
    with clock.told_as(at):
        view = queries.ticket_view(agent, ticket.reference)
        assert [one.metric for one in view.breaches] == ["first_response", "resolution"]
        assert all(one.over > timedelta(0) and one.cause is None for one in view.breaches)
        database.session().rollback()
        with pytest.raises(InvalidFields) as refused:
            move_ticket(agent, ticket.reference, "resolve", words="Done.")
        assert set(refused.value.faults) == {"cause", "cause_words"}
        assert fresh(ticket).state is TicketState.NEW
        move_ticket(agent, ticket.reference, "resolve", words="Done.", why=WHY)
        seen = queries.ticket_view(contact, ticket.reference)
        assert {one.cause.cause for one in seen.breaches} == {"workload"}
        database.session().rollback()
    kept = rows(select(BreachCause))
    assert {one.words for one in kept} == {"Monday's peak; two people were ill."}
    assert entry(ticket, EntryKind.BREACH_CAUSE).is_public
    with database.acting_as(agent):
        assert breaches_without_cause(agent, client.reference).items == []
        assert len(causes_of(database.session(), [ticket.id])[ticket.id]) == 2
        database.session().rollback()


def test_a_cause_is_given_or_corrected_later_by_those_who_answer_for_it(make, cast):
    client, contact, agent = cast
    manager = make.person(Role.ACCOUNT_MANAGER, client)
    stranger = make.person(Role.ACCOUNT_MANAGER, make.client())
    ticket, at = late(cast)
    with clock.told_as(at):
        queries.ticket_view(agent, ticket.reference)
        database.session().rollback()
        assign_ticket(agent, ticket.reference, agent.user_id)  # the clocks are read: they are late
        assert _unexplained(manager, client) == ["resolution", "first_response"]
        with pytest.raises(NotFound):
            explain_breaches(stranger, ticket.reference, WHY)
        with pytest.raises(Forbidden):
            explain_breaches(contact, ticket.reference, WHY)
        explain_breaches(manager, ticket.reference, WHY)
        with pytest.raises(NotAllowedNow):
            explain_breaches(manager, ticket.reference, WHY)
        better = Explanation(cause="third_party", words="The maker answered late.")
        explain_breaches(agent, ticket.reference, better, ("resolution", 1))
        for wrong in (("resolution", 2), ("nonsense", 1)):
            with pytest.raises(NotFound):
                explain_breaches(agent, ticket.reference, better, wrong)
        assert _unexplained(manager, client) == []
        with pytest.raises(NotFound):
            _unexplained(stranger, client)
    kept = {one.metric: one.cause for one in rows(select(BreachCause))}
    assert kept == {"first_response": "workload", "resolution": "third_party"}


def _unexplained(actor, client) -> list[str]:
    """Page through what lacks a cause, one at a time; the list's filter finds the same."""
    found, cursor = [], None
    with database.acting_as(actor):
        try:
            while True:
                page = breaches_without_cause(actor, client.reference, cursor, 1)
                found += [one.metric for one in page.items]
                cursor = page.next
                if cursor is None:
                    break
            wanted = queries.TicketFilter(show="all", unexplained="1")
            assert bool(queries.tickets(actor, wanted).items) is bool(found)
        finally:
            database.session().rollback()
    return found


@pytest.mark.parametrize("why", [LeftOut.TEST, LeftOut.SPAM])
def test_tests_and_spam_are_withdrawn_and_only_of_tests_the_requester_hears(make, cast, why):
    _client, contact, agent = cast
    ticket = open_ticket(contact, NEW)
    with pytest.raises(Forbidden):
        move_ticket(contact, ticket.reference, f"cancel_as_{why}")
    before = len(mails("ticket_news"))
    move_ticket(agent, ticket.reference, f"cancel_as_{why}")
    after = fresh(ticket)
    assert (after.state, after.left_out_as) == (TicketState.CANCELLED, why)
    assert len(mails("ticket_news")) - before == (why is LeftOut.TEST)
    assert entry(ticket, EntryKind.STATE).facts["left_out_as"] == why
    view = queries.ticket_view(agent, ticket.reference)
    assert {one.cycle.verdict for one in view.clocks} == {"withdrawn"}
    database.session().rollback()
    with pytest.raises(NotAllowedNow):
        move_ticket(agent, ticket.reference, "cancel_as_spam")


def test_an_incident_has_a_category_that_agents_correct_and_nothing_else_has_one(make, cast):
    _client, contact, agent = cast
    ticket = open_ticket(contact, NewTicket(**{**NEW.__dict__, "category": IncidentCategory.MAIL}))
    reclassify_ticket(agent, ticket.reference, Impact.LOW, Urgency.LOW)
    assert fresh(ticket).category is IncidentCategory.MAIL
    reclassify_ticket(agent, ticket.reference, Impact.LOW, Urgency.LOW, IncidentCategory.ACCESS)
    assert entry(ticket, EntryKind.CATEGORY).facts == {"after": "access"}
    query = NewTicket(kind=TicketKind.QUERY, subject="x", description="x", category="mail")
    with pytest.raises(InvalidInput):
        open_ticket(contact, query)
    with database.acting_as(contact):
        for category, count in (("access", 1), ("mail", 0)):
            wanted = queries.TicketFilter(category=category)
            assert len(queries.tickets(contact, wanted).items) == count
        database.session().rollback()
