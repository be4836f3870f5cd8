"""Every figure of a random desk, as the desk counts it and as a plain program does."""

from __future__ import annotations

from datetime import timedelta

import pytest

from servicedesk.core import database
from servicedesk.core.actors import SYSTEM
from servicedesk.core.clock import told_as
from servicedesk.reviews.counting import count_month
from servicedesk.reviews.frozen import packed, unpacked
from servicedesk.reviews.metrics import BY_CODE, FIGURES
from servicedesk.reviews.metrics.figure import Unit, Value
from servicedesk.reviews.period import period_of, span_of
from servicedesk.reviews.reading import Reading
from tests.figures.lives import NOW
from tests.figures.oracle import Month
from tests.figures.rows import Rows
from tests.figures.world import CONTRACTS, MONTHS, World

TICKETS = 120
DELAYS = (timedelta(hours=6), timedelta(days=9), timedelta(days=60))  # until a month is counted


_kept: list[list] = []


@pytest.fixture
def counted(request):
    """Every month of every contract of a random desk, with the plain one beside it; made once."""
    if not _kept:
        make, superuser = (request.getfixturevalue(name) for name in ("make", "superuser"))
        _kept.append(counted_of(World(make, superuser, seed=26, tickets=TICKETS), superuser))
    return _kept[0]


def counted_of(world, superuser):
    rows = Rows(superuser)
    found = []
    with told_as(NOW), database.acting_as(SYSTEM):
        session = database.session()
        for number, contract in enumerate(world.contracts.values()):
            for place, month in enumerate(MONTHS):
                at = Month(rows, contract.reference, month, NOW, NOW).end
                at += DELAYS[(number + place) % len(DELAYS)]
                if done := count_month(session, contract, month, at):
                    found.append((done, Month(rows, contract.reference, month, at, NOW)))
            assert_read_together_is_the_same(session, contract)
        session.expunge_all()  # what is read stays as it is
        session.rollback()
    assert len(found) == sum(
        starts <= month.replace(day=28) and ends >= month
        for _, _, starts, ends, *_ in CONTRACTS
        for month in MONTHS
    )
    return found


def assert_read_together_is_the_same(session, contract):
    """All months counted from one reading are what each is by itself."""
    periods = [period for month in MONTHS if (period := period_of(contract, month))]
    reading = Reading(session, span_of(periods), NOW)
    for period in periods:
        together, alone = (
            count_month(session, contract, period.month, NOW, read) for read in (reading, None)
        )
        assert (together.values, together.evidence) == (alone.values, alone.evidence)


def test_every_figure_is_what_a_plain_program_counts(counted):
    differences = [told for one in counted for told in compared(*one)]
    assert differences == [], "\n".join(map(str, differences[:12]))
    # none of it is empty talk
    seen = {code for done, _ in counted for code, items in done.evidence.items() if len(items) > 2}
    assert seen == set(BY_CODE) - {"activation"}


def compared(done, plain):
    where = (plain.contract["reference"], str(plain.first))
    for figure in FIGURES:
        facts = getattr(plain, figure.code)()
        items, value = done.evidence[figure.code], done.values[figure.code]
        theirs = sorted(fact.plain() for fact in facts)
        ours = sorted(
            (i.reference, i.counts, i.measure, tuple(sorted(i.tags.items()))) for i in items
        )
        if ours != theirs:
            yield (
                *where,
                figure.code,
                [i for i in ours if i not in theirs],
                [i for i in theirs if i not in ours],
            )
            continue
        yield from (
            (*where, figure.code, *told) for told in unlike(value, plain.told(figure.code, facts))
        )


def unlike(value, told):
    rows = told.pop("rows")
    for name, amount in told.items():
        if not near(getattr(value, name), amount):
            yield name, getattr(value, name), amount
    ours = {(row.by, row.of): row.amount for row in value.rows}
    if ours.keys() != rows.keys():
        yield "rows", sorted(ours), sorted(rows)
    else:
        yield from ((key, ours[key], rows[key]) for key in rows if not near(ours[key], rows[key]))


def near(one, other):
    """Whether two amounts are the same but for the digits that are kept."""
    if one is None or other is None:
        return one is other
    return one == pytest.approx(other, rel=0, abs=0.06 if abs(other) > 1 else 1e-6)


# what has to add up


def test_the_sums_reconcile(counted):
    for done, plain in counted:
        value = done.values
        flow = {row.of: row.n for row in value["volume"].rows if row.by == "flow"}
        came = flow["opening"] + flow["created"] + flow["came_back"]
        assert came - flow["resolved"] - flow["left"] == flow["closing"]
        assert flow["closing"] == value["backlog"].n
        assert sum(r.n for r in value["backlog"].rows if r.by == "age") == value["backlog"].n
        gross = {item.reference: item.measure for item in done.evidence["time_to_resolve_gross"]}
        held = dict.fromkeys(gross, 0.0)
        for item in done.evidence["whose_time"]:
            held[item.reference] += item.measure
        assert held == pytest.approx(gross, abs=0.51)
        assert value["whose_time"].total == pytest.approx(sum(held.values()))
        days = {row.of: row.amount for row in value["engagement"].rows}
        left = days["reserved"] + days["left"]
        assert days["opening"] + days["added"] - days["consumed"] == left
        for code, one in value.items():
            is_share = BY_CODE[code].unit is not Unit.RATIO  # more may be solved than came
            assert one.part is None or not is_share or one.part <= one.n, code
            assert parts_add_up(BY_CODE[code], one, done.evidence[code]), (code, plain.first)


def parts_add_up(figure, value, items):
    if figure.code in {"whose_time", "volume", "engagement"}:
        return True
    return all(
        sum(row.n for row in value.rows if row.by == tag) == value.n
        and (value.part is None or sum(r.part for r in value.rows if r.by == tag) == value.part)
        for tag in figure.by
        if all(tag in item.tags for item in items)
    )


def test_a_month_closes_with_what_the_next_one_opens_with(counted):
    by_month = {(plain.contract["reference"], plain.first): done for done, plain in counted}
    pairs = 0
    for done, plain in counted:
        after = by_month.get((plain.contract["reference"], plain.last + timedelta(days=1)))
        if after:
            pairs += 1
            assert flow_of(done, "closing") == flow_of(after, "opening")
    assert pairs >= 8


def flow_of(done, flow):
    items = done.evidence["volume"]
    return sorted(item.reference for item in items if item.tags["flow"] == flow)


def test_a_value_follows_from_its_evidence_as_it_is_kept(counted):
    for done, _ in counted:
        kept = unpacked(packed(done.evidence)[0])
        for figure in FIGURES:
            again = figure.value(done.history, kept[figure.code])
            assert again == done.values[figure.code], figure.code
            assert Value.from_json(again.to_json()) == again
