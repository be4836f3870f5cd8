"""How a client is: each rule at its limits, and the worst of them decides."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from servicedesk.engagement.budget import Budget
from servicedesk.reviews.health import Health, Part, Sign, Signs, Told, health_of

TODAY = date(2026, 6, 15)
GOOD, WATCH, BAD = Health.GOOD, Health.WATCH, Health.BAD


def budget(taken: int, total: int = 64) -> Budget:
    return Budget(total_quarters=total, reserved_quarters=0, consumed_quarters=taken)


CALM = Signs(
    today=TODAY,
    contract_ends_on=TODAY + timedelta(days=400),
    year_first_on=date(2026, 1, 1),
    year_last_on=date(2026, 12, 31),
    budget=budget(24),
)


def told(days: int) -> Told:
    return Told(reference="REV-1", month=date(2026, 5, 1), since=TODAY - timedelta(days=days))


def days_of(taken: int, to_go: int) -> dict:
    last_on = TODAY + timedelta(days=to_go)
    return {
        "budget": budget(taken),
        "year_first_on": last_on - timedelta(days=364),
        "year_last_on": last_on,
    }


def fleet(now: int, before: int) -> dict:
    return {"conforming": Part(part=now, of=100), "conforming_before": Part(part=before, of=100)}


@pytest.mark.parametrize(
    ("sign", "changes", "health"),
    [
        (Sign.SLA_NOW, {"sla_now": Part(part=9, of=10)}, GOOD),
        (Sign.SLA_NOW, {"sla_now": Part(part=89, of=100)}, WATCH),
        (Sign.SLA_NOW, {"sla_now": Part(part=79, of=100)}, BAD),
        (Sign.SLA_NOW, {"sla_now": Part(part=0, of=4)}, GOOD),  # too few to say
        (Sign.SLA_BEFORE, {"sla_before": Part(part=4, of=5)}, WATCH),
        (Sign.BREACHED, {"open": 4, "breached": 4}, WATCH),
        (Sign.BREACHED, {"open": 5, "breached": 5, "backlog_before": 5}, BAD),
        (Sign.AT_RISK, {"open": 2, "at_risk": 2}, GOOD),
        (Sign.AT_RISK, {"open": 3, "at_risk": 3}, WATCH),
        (Sign.BACKLOG, {"open": 9, "backlog_before": 8}, GOOD),
        (Sign.BACKLOG, {"open": 10, "backlog_before": 8}, WATCH),
        (Sign.BACKLOG, {"open": 16, "backlog_before": 8}, BAD),
        (Sign.BACKLOG, {"open": 4, "backlog_before": 0}, GOOD),
        (Sign.BACKLOG, {"open": 400, "backlog_before": None}, GOOD),  # nobody counted before
        (Sign.SATISFACTION, {"satisfied": Part(part=0, of=2)}, GOOD),
        (Sign.SATISFACTION, {"satisfied": Part(part=2, of=3)}, WATCH),
        (Sign.SATISFACTION, {"satisfied": Part(part=1, of=3)}, BAD),
        (Sign.CONFORMITY, fleet(90, 94), GOOD),
        (Sign.CONFORMITY, fleet(75, 80), WATCH),
        (Sign.CONFORMITY, fleet(75, 90), BAD),
        (Sign.CONFORMITY, fleet(90, 75), GOOD),  # it got better
        (Sign.PUNCTUALITY, {"missed": 1}, WATCH),
        (Sign.PUNCTUALITY, {"missed": 5}, BAD),
        (Sign.DAYS_GONE, days_of(64, 30), BAD),
        (Sign.DAYS_GONE, days_of(64, 29), GOOD),
        (Sign.DAYS_AHEAD, days_of(33, 300), WATCH),
        (Sign.DAYS_AHEAD, days_of(26, 300), GOOD),
        (Sign.DAYS_UNUSED, days_of(31, 90), WATCH),
        (Sign.DAYS_UNUSED, days_of(31, 91), GOOD),
        (Sign.DAYS_UNUSED, {"budget": budget(0, 0)}, GOOD),  # a contract without days
        (Sign.CONTRACT_ENDS, {"contract_ends_on": None}, GOOD),
        (Sign.CONTRACT_ENDS, {"contract_ends_on": TODAY + timedelta(days=91)}, GOOD),
        (Sign.CONTRACT_ENDS, {"contract_ends_on": TODAY + timedelta(days=90)}, WATCH),
        (Sign.CONTRACT_ENDS, {"contract_ends_on": TODAY + timedelta(days=30)}, BAD),
        (Sign.REVIEW_LATE, {"draft": told(9)}, GOOD),
        (Sign.REVIEW_LATE, {"draft": told(10)}, WATCH),
        (Sign.REVIEW_LATE, {"draft": told(30)}, BAD),
        (Sign.REVIEW_UNREAD, {"unread": told(14)}, GOOD),
        (Sign.REVIEW_UNREAD, {"unread": told(15)}, WATCH),
    ],
)
def test_each_rule_at_its_limits(sign, changes, health):
    found = health_of(replace(CALM, **changes))
    told = {reason.sign: reason.health for reason in found.reasons}
    assert (found.health, told) == (health, {} if health is GOOD else {sign: health})


def test_the_worst_reason_decides_and_stands_first():
    found = health_of(replace(CALM, missed=1, satisfied=Part(part=1, of=4), draft=told(12)))
    assert found.health is BAD
    assert [reason.sign for reason in found.reasons] == [
        Sign.SATISFACTION,
        Sign.PUNCTUALITY,
        Sign.REVIEW_LATE,
    ]
