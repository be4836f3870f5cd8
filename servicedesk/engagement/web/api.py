"""Engagement days in the API: balances, a contract year, visits and what becomes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask.views import MethodView
from flask_smorest import Blueprint

from servicedesk.clients.web.api import PageQuery, person_of_token
from servicedesk.engagement import amendments, outcomes, queries, visits
from servicedesk.engagement.budget import days_of, quarters_of
from servicedesk.engagement.contract_time import day_of
from servicedesk.engagement.plans import VisitPlan
from servicedesk.engagement.statement import statement_lines
from servicedesk.engagement.web.api_schemas import (
    AmendmentSchema,
    BalancesSchema,
    ChangedVisit,
    EndedOffer,
    NewVisit,
    OfferedDays,
    Outcome,
    VisitQuery,
    VisitSchema,
    VisitsSchema,
    YearQuery,
    YearSchema,
)
from servicedesk.shell.api import guard
from servicedesk.shell.session import current_actor

if TYPE_CHECKING:
    from servicedesk.clients.models import Client, Contract
    from servicedesk.engagement.models import Amendment, EngagementYear, Visit
    from servicedesk.engagement.queries import YearView

blueprint = Blueprint("api-engagement", __name__, url_prefix="/api/v1/engagement")
visits_blueprint = Blueprint("api-visits", __name__, url_prefix="/api/v1/visits")
guard(blueprint, person_of_token)
guard(visits_blueprint, person_of_token)


@blueprint.route("")
class Balances(MethodView):
    """How many days each client has left."""

    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, BalancesSchema)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List the balance of today's contract year of each client, by name."""
        page = queries.days_left(current_actor(), query["cursor"], query["limit"])
        items = [_balance(line.client, line.contract, line.year) for line in page.items]
        return {"items": items, "next": page.next}


@blueprint.route("/<reference>")
class Year(MethodView):
    """A contract year of a client."""

    @blueprint.arguments(YearQuery, location="query")
    @blueprint.response(200, YearSchema)
    def get(self, query: dict[str, Any], reference: str) -> dict[str, Any]:
        """Fetch the statement of a contract year: its balance and every line of its ledger."""
        return _year(queries.year_view(current_actor(), reference, query["year"]))


@blueprint.route("/<reference>/amendments")
class Offers(MethodView):
    """Amendments that add days."""

    @blueprint.arguments(OfferedDays)
    @blueprint.response(201, AmendmentSchema)
    def post(self, body: dict[str, Any], reference: str) -> dict[str, Any]:
        """Offer more days for the contract year of a day; they count when both sides agreed."""
        actor = current_actor()
        of = queries.year_view(actor, reference).client.reference
        quarters = quarters_of(body["days"])
        return _amendment(amendments.offer_days(actor, of, body["day"], quarters, body["reason"]))


@blueprint.route("/amendments/<reference>/agree")
class Agreement(MethodView):
    """An agreement to more days."""

    @blueprint.response(200, AmendmentSchema)
    def post(self, reference: str) -> dict[str, Any]:
        """Agree: a contact in the client's name, a supervisor in the operator's."""
        actor = current_actor()
        act = amendments.accept_days if actor.is_contact else amendments.agree_for_operator
        return _amendment(act(actor, reference))


@blueprint.route("/amendments/<reference>/end")
class End(MethodView):
    """The end of an offer."""

    @blueprint.arguments(EndedOffer)
    @blueprint.response(200, AmendmentSchema)
    def post(self, body: dict[str, Any], reference: str) -> dict[str, Any]:
        """Decline it as the client, or withdraw it as the operator."""
        return _amendment(amendments.end_offer(current_actor(), reference, body["reason"]))


@visits_blueprint.route("")
class Visits(MethodView):
    """Visits of the account manager."""

    @visits_blueprint.arguments(VisitQuery, location="query")
    @visits_blueprint.response(200, VisitsSchema)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List visits, what was booked last first."""
        page = queries.visits(current_actor(), query["client"], query["cursor"], query["limit"])
        return {"items": [_visit(visit) for visit in page.items], "next": page.next}

    @visits_blueprint.arguments(NewVisit)
    @visits_blueprint.response(201, VisitSchema)
    def post(self, body: dict[str, Any]) -> dict[str, Any]:
        """Book a visit: its days are reserved, its attendees invited.

        Where the contract year has not as much left, the problem `budget-exhausted` says what is
        (`left`) and which planned visits could release something (`releasable`).
        """
        client = body.pop("client")
        return _told(visits.book_visit(current_actor(), client, _plan(body)).reference)


@visits_blueprint.route("/<reference>")
class OneVisit(MethodView):
    """A visit."""

    @visits_blueprint.response(200, VisitSchema)
    def get(self, reference: str) -> dict[str, Any]:
        """Fetch a visit."""
        return _told(reference)

    @visits_blueprint.arguments(ChangedVisit)
    @visits_blueprint.response(200, VisitSchema)
    def put(self, body: dict[str, Any], reference: str) -> dict[str, Any]:
        """Move a planned visit or say something else of it; its days move with it."""
        version, note = body.pop("version"), body.pop("note")
        visits.change_visit(current_actor(), reference, _plan(body), version=version, note=note)
        return _told(reference)


@visits_blueprint.route("/<reference>/outcome")
class Outcomes(MethodView):
    """What became of a visit."""

    @visits_blueprint.arguments(Outcome)
    @visits_blueprint.response(200, VisitSchema)
    def post(self, body: dict[str, Any], reference: str) -> dict[str, Any]:
        """Confirm its real length, call it off, or correct what was confirmed."""
        actor, version, reason = current_actor(), body["version"], body["reason"]
        if body["outcome"] == "cancelled":
            outcomes.cancel_visit(actor, reference, reason, version=version)
            return _told(reference)
        quarters = quarters_of(body["days"])
        if body["outcome"] == "done":
            outcomes.confirm_visit(actor, reference, quarters, version=version)
        else:
            outcomes.correct_visit(actor, reference, quarters, reason, version=version)
        return _told(reference)


def _plan(body: dict[str, Any]) -> VisitPlan:
    days = body.pop("days")
    return VisitPlan(quarters=quarters_of(days), **body)


def _told(reference: str) -> dict[str, Any]:
    return _visit(queries.visit_view(current_actor(), reference).visit)


def _visit(visit: Visit) -> dict[str, Any]:
    return {
        "reference": visit.reference,
        "client": visit.client.reference,
        "kind": visit.kind,
        "title": visit.title,
        "day": day_of(visit.contract, visit.starts_at),
        "starts_at": visit.starts_at,
        "ends_at": visit.ends_at,
        "state": visit.state,
        "planned_days": days_of(visit.planned_quarters),
        "reserved_days": days_of(visit.reserved_quarters),
        "consumed_days": days_of(visit.consumed_quarters),
        "is_on_site": visit.is_on_site,
        "place": visit.place,
        "attendees": visit.attendees,
        "manager": visit.manager_name,
        "note": visit.note,
        "minutes": visit.minutes,
        "version": visit.version,
    }


def _balance(client: Client, contract: Contract, year: EngagementYear) -> dict[str, Any]:
    budget = year.budget
    return {
        "client": client.reference,
        "contract": contract.reference,
        "year": year.number,
        "first_on": year.first_on,
        "last_on": year.last_on,
        "total_days": days_of(budget.total_quarters),
        "reserved_days": days_of(budget.reserved_quarters),
        "consumed_days": days_of(budget.consumed_quarters),
        "left_days": days_of(budget.left_quarters),
    }


def _year(view: YearView) -> dict[str, Any]:
    references = {visit.id: visit.reference for visit in view.visits}
    offers = {amendment.id: amendment.reference for amendment in view.amendments}
    return _balance(view.client, view.contract, view.year) | {
        "entries": [
            {
                "at": line.entry.at,
                "kind": line.entry.kind,
                "days": days_of(line.entry.quarters),
                "visit": references.get(line.entry.visit_id or 0),
                "amendment": offers.get(line.entry.amendment_id or 0),
                "reason": line.entry.reason,
                "author": line.entry.author_name,
                "left_days": days_of(line.after.left_quarters),
            }
            for line in statement_lines(view.year.granted_quarters, view.entries)
        ],
        "amendments": [_amendment(amendment) for amendment in view.amendments],
    }


def _amendment(amendment: Amendment) -> dict[str, Any]:
    return {
        "reference": amendment.reference,
        "days": days_of(amendment.quarters),
        "reason": amendment.reason,
        "state": amendment.state,
        "offered_by": amendment.proposed_by_name,
        "offered_at": amendment.proposed_at,
        "operator_agreed_by": amendment.operator_agreed_by_name,
        "operator_agreed_at": amendment.operator_agreed_at,
        "client_agreed_by": amendment.client_agreed_by_name,
        "client_agreed_at": amendment.client_agreed_at,
    }
