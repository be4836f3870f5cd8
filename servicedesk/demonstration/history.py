"""Thirteen months of work, told through the same operations that people use."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from servicedesk.core import clock
from servicedesk.core.actors import SYSTEM
from servicedesk.core.errors import DomainError
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.demonstration import stories
from servicedesk.demonstration.orders import approve, commands_of, devices_of, order_of
from servicedesk.devices.commands import CommandState, DeviceCommand
from servicedesk.devices.engines.contract import Observation, ObservedState, Position
from servicedesk.devices.models import Device
from servicedesk.devices.settlement import record_answer
from servicedesk.orders.execution import accept_rest, execute_order
from servicedesk.orders.models import OrderState, WorkOrder
from servicedesk.tickets import handling
from servicedesk.tickets.agreed_dates import resume_planned
from servicedesk.tickets.breaches import Explanation
from servicedesk.tickets.closing import close_with_verdict
from servicedesk.tickets.device_waits import note_device_waits
from servicedesk.tickets.intake import NewTicket, WantedAction, open_ticket
from servicedesk.tickets.models import Impact, Ticket, TicketKind, Urgency
from servicedesk.tickets.outcomes import ClosingVerdict
from servicedesk.tickets.quiet_days import close_quiet_tickets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from servicedesk.core.actors import Actor
    from servicedesk.tickets.categories import IncidentCategory

MADRID = ZoneInfo("Europe/Madrid")
DAYS = 396  # thirteen months
AGAIN, LATELY = 0.15, 5  # how often an incident comes back, and among how many of late
WEEKDAY_WEIGHTS = (1.5, 1.1, 1.0, 1.0, 0.8, 0.08, 0.04)  # Monday's peak, quiet weekends
HOUR_WEIGHTS = {
    8: 6,
    9: 14,
    10: 15,
    11: 13,
    12: 11,
    13: 8,
    14: 4,
    15: 6,
    16: 9,
    17: 7,
    18: 4,
    20: 1,
}
ACTIONS = {
    "device.lock": 34,
    "device.push_message": 22,
    "device.locate": 20,
    "device.enterprise_wipe": 14,
    "device.full_wipe": 10,
}


@dataclass(frozen=True)
class Cast:
    """Who plays in a client's story."""

    contact: Actor
    agents: tuple[Actor, Actor]
    devices: list[Device]
    tickets_a_day: float
    # incidents of late, with the device that had them
    troubled: list[tuple[IncidentCategory, str, str, Device]] = field(default_factory=list)


def tell(casts: list[Cast], dice: Random, now: datetime) -> int:
    """Live through thirteen months of all clients at once; return the number of tickets."""
    arrivals = [
        (moment, number)
        for number, cast in enumerate(casts)
        for moment in (*_arrivals(cast.tickets_a_day, dice, now), *_lately(dice, now))
    ]
    for moment, number in sorted(arrivals):
        _Story(casts[number], dice, now, moment).live()
    return len(arrivals)


def _lately(dice: Random, now: datetime) -> Iterator[datetime]:
    """Yield what came in since this morning, so that there is work on the desk at any hour."""
    for _ in range(5):
        yield now - timedelta(minutes=dice.randrange(5, 300))


def _arrivals(a_day: float, dice: Random, now: datetime) -> Iterator[datetime]:
    today = now.astimezone(MADRID).date()
    for back in range(DAYS, -1, -1):
        day = today - timedelta(days=back)
        expected = a_day * WEEKDAY_WEIGHTS[day.weekday()]
        for _ in range(int(expected) + (dice.random() < expected % 1)):
            hour = dice.choices(list(HOUR_WEIGHTS), list(HOUR_WEIGHTS.values()))[0]
            moment = datetime.combine(day, time(hour, dice.randrange(60)), MADRID)
            if moment < now - timedelta(minutes=20):
                yield moment.astimezone(now.tzinfo)


class _Story:
    """One ticket from its opening to wherever it has got by now."""

    def __init__(self, cast: Cast, dice: Random, now: datetime, opened_at: datetime) -> None:
        self.cast, self.dice, self.now, self.at = cast, dice, now, opened_at
        self.agent, self.second = dice.sample(cast.agents, 2)

    def live(self) -> None:
        """Play the story; it stops where the present begins."""
        kind = self.dice.choices(list(TicketKind), (55, 15, 30))[0]
        try:
            if kind is TicketKind.REQUEST:
                self._request()
            else:
                self._conversation(kind)
        except _NotYet:
            return

    def _wait(self, median_minutes: float) -> None:
        """Let working time pass; nothing happens in the future."""
        self.at += timedelta(minutes=median_minutes * self.dice.lognormvariate(0, 0.9))
        local = self.at.astimezone(MADRID)
        if local.hour >= 19 or local.hour < 8 or local.weekday() > 4:
            ahead = 1 if local.hour >= 19 or local.weekday() > 4 else 0
            opening = datetime.combine(local.date() + timedelta(days=ahead), time(8, 5), MADRID)
            while opening.weekday() > 4:
                opening += timedelta(days=1)
            self.at = opening.astimezone(self.at.tzinfo) + timedelta(
                minutes=self.dice.expovariate(1 / 30)
            )
        if self.at > self.now - timedelta(minutes=2):
            raise _NotYet

    def _open(self, new: NewTicket) -> Ticket:
        with clock.told_as(self.at):
            return open_ticket(self.cast.contact, new)

    def _do(self, actor: Actor, reference: str, move: str, words: str = "") -> None:
        with clock.told_as(self.at):
            handling.move_ticket(actor, reference, move, words=words)

    def _resolve(self, reference: str, words: str) -> None:
        """Resolve it, and say why a target was missed if one was."""
        cause, why = self.dice.choice(stories.CAUSES)
        with clock.told_as(self.at):
            handling.move_ticket(
                self.agent,
                reference,
                "resolve",
                words=words,
                why=Explanation(cause=cause, words=why),
            )

    def _say(self, actor: Actor, reference: str, words: str, *, is_public: bool = True) -> None:
        with clock.told_as(self.at):
            handling.add_message(actor, reference, words, is_public=is_public)

    def _urgency(self) -> tuple[Impact, Urgency]:
        return (
            self.dice.choices(list(Impact), (8, 27, 65))[0],
            self.dice.choices(list(Urgency), (20, 50, 30))[0],
        )

    def _conversation(self, kind: TicketKind) -> None:
        if kind is TicketKind.QUERY:
            category, (subject, description) = None, self.dice.choice(stories.QUERIES)
        else:
            category, subject, description = self.dice.choice(stories.INCIDENTS)
        impact, urgency = self._urgency()
        concerned = self.dice.sample(self.cast.devices, self.dice.choice((0, 1, 1, 2)))
        if category and self.cast.troubled and self.dice.random() < AGAIN:
            # the same thing again, on a device that had it lately
            category, subject, description, device = self.dice.choice(self.cast.troubled)
            concerned = [device]
        elif category and concerned:
            self.cast.troubled.append((category, subject, description, concerned[0]))
            del self.cast.troubled[:-LATELY]
        ticket = self._open(
            NewTicket(
                kind=kind,
                subject=subject,
                description=description,
                impact=impact,
                urgency=urgency,
                category=category,
                devices=[device.reference for device in concerned],
            )
        )
        self._wait(25)
        self._do(self.agent, ticket.reference, "take")
        self._wait(20)
        self._say(self.agent, ticket.reference, self.dice.choice(stories.ANSWERS))
        if self.dice.random() < 0.25:
            self._say(
                self.agent, ticket.reference, self.dice.choice(stories.NOTES), is_public=False
            )
        self._pause(ticket)
        self._wait(220)
        self._resolve(ticket.reference, self.dice.choice(stories.SOLUTIONS))
        self._finish(ticket)

    def _pause(self, ticket: Ticket) -> None:
        """Wait for the client, the maker or an agreed date, as often as that happens."""
        fate = self.dice.random()
        if fate < 0.3:
            self._wait(30)
            words = self.dice.choice(stories.QUESTIONS)
            self._do(self.agent, ticket.reference, "wait_for_client", words)
            self._wait(240)
            self._say(self.cast.contact, ticket.reference, self.dice.choice(stories.REPLIES))
        elif fate < 0.4:
            self._wait(40)
            words = self.dice.choice(stories.THIRD_PARTIES)
            self._do(self.agent, ticket.reference, "wait_for_third_party", words)
            self._wait(700)
            self._do(self.agent, ticket.reference, "resume")
        elif fate < 0.46:
            self._wait(30)
            agreed = self.at + timedelta(days=self.dice.choice((1, 2, 3)))
            with clock.told_as(self.at):
                words = self.dice.choice(stories.PLANS)
                handling.move_ticket(
                    self.agent, ticket.reference, "plan", words=words, until=agreed
                )
            if agreed > self.now - timedelta(minutes=2):
                raise _NotYet
            self.at = agreed
            with clock.told_as(agreed):
                resume_planned()

    def _request(self) -> None:
        code = self.dice.choices(list(ACTIONS), list(ACTIONS.values()))[0]
        subject, description = self.dice.choice(stories.REQUESTS[code])
        impact, urgency = self._urgency()
        wide = code in {"device.push_message", "device.lock"}
        targets = self.dice.sample(
            self.cast.devices, self.dice.choice((1, 1, 2, 4) if wide else (1,))
        )
        ticket = self._open(
            NewTicket(
                kind=TicketKind.REQUEST,
                subject=subject,
                description=description,
                impact=impact,
                urgency=urgency,
                action=WantedAction(
                    code=code,
                    devices=[device.reference for device in targets],
                    parameters=stories.PARAMETERS[code],
                ),
            )
        )
        self._wait(20)
        self._do(self.agent, ticket.reference, "take")
        order = order_of(ticket)
        if order.needs_approval:
            self._wait(25)
            with clock.told_as(self.at):
                approve(self.second, order)
        self._wait(15)
        try:
            with clock.told_as(self.at):
                order = execute_order(self.agent, order.reference)
        except DomainError:  # every device was refused: the agent says so
            words = "Ninguno de los terminales permite esta acción; se lo detallamos en la orden."
            self._resolve(ticket.reference, words)
            self._finish(ticket)
            return
        self._answer(order)
        order = order_of(ticket)  # as the answers have left it
        if order.state is OrderState.NEEDS_DECISION:
            self._wait(120)
            with clock.told_as(self.at):
                accept_rest(self.agent, order.reference)
            words = (
                "Hecho en los terminales que han respondido; del resto le informamos en la orden."
            )
            self._resolve(ticket.reference, words)
        self._finish(ticket)

    def _answer(self, order: WorkOrder) -> None:
        """Have the devices answer, as the sandbox tells it, within one transaction."""
        self._wait(4)
        with clock.told_as(self.at), unit_of_work(SYSTEM, "devices.sent") as work:
            for command in commands_of(work, order):
                command.state = CommandState.SENT
                command.sent_at = command.accepted_at = work.at - timedelta(seconds=40)
                command.checked_at, command.attempts = work.at, 1
                command.engine_ref = f"history-{command.id}"
        if self.dice.random() < 0.12:
            self._be_out_of_reach(order)
        with clock.told_as(self.at), unit_of_work(SYSTEM, "devices.notification") as work:
            for command in commands_of(work, order):
                device = work.session.get_one(Device, command.device_id)
                observation = self._observation(command, device, order.action_code)
                record_answer(work, observation, "notification")

    def _be_out_of_reach(self, order: WorkOrder) -> None:
        """Have the devices be off for a while; the time until their next contact is theirs."""
        before = self._seen(order, self.at - timedelta(hours=self.dice.randrange(2, 40)))
        self.at += timedelta(minutes=7)
        with clock.told_as(self.at):
            note_device_waits()
        self._wait(400)
        self._seen(order, self.at - timedelta(minutes=1))
        with clock.told_as(self.at):
            note_device_waits()
        self._seen(order, before)  # since then it has been there many times

    def _seen(self, order: WorkOrder, at: datetime | None) -> datetime | None:
        """Have the order's devices been in contact at an instant; return when they last were."""
        with clock.told_as(self.at), unit_of_work(SYSTEM, "devices.contact") as work:
            devices = devices_of(work, order)
            before = max((d.last_contact_at for d in devices if d.last_contact_at), default=None)
            for device in devices:
                device.last_contact_at = at
        return before

    def _observation(self, command: DeviceCommand, device: Device, code: str) -> Observation:
        failed = self.dice.random() < 0.05
        located = code == "device.locate" and not failed
        return Observation(
            event_id=f"history-{command.id}-1",
            engine_ref=command.engine_ref or "",
            idempotency_key=command.key,
            device_external_id=device.external_id,
            state=ObservedState.FAILED if failed else ObservedState.ACKNOWLEDGED,
            at=clock.now() - timedelta(seconds=self.dice.randrange(1, 35)),
            code="refused_by_device" if failed else "",
            detail="The device refused: low storage." if failed else "",
            evidence='{"simulated": true}',
            result=Position(
                latitude=40.4 + self.dice.uniform(-0.2, 0.2),
                longitude=-3.7 + self.dice.uniform(-0.2, 0.2),
                accuracy=round(self.dice.uniform(5, 60), 1),
                taken_at=clock.now().isoformat(timespec="seconds"),
            )
            if located
            else None,
        )

    def _finish(self, ticket: Ticket) -> None:
        """Confirm, reopen, rate, or say nothing until it closes by itself."""
        fate = self.dice.random()
        if fate < 0.06:
            self._wait(300)
            words = self.dice.choice(stories.REOPENINGS)
            self._do(self.cast.contact, ticket.reference, "reopen", words)
            self._wait(200)
            self._resolve(ticket.reference, self.dice.choice(stories.SOLUTIONS))
        if fate < 0.62:
            self._wait(180)
            self._decide(ticket, is_rated=fate < 0.35)
            return
        due = self.at + timedelta(days=8)
        if due < self.now:
            with clock.told_as(due):
                close_quiet_tickets()

    def _decide(self, ticket: Ticket, *, is_rated: bool) -> None:
        """Close it as its contact does: most are content, a few say what was not good."""
        score = self.dice.choices((5, 4, 3, 2, 1), (55, 30, 9, 4, 2))[0] if is_rated else None
        is_well = score is None or score > 3
        words = self.dice.choice(stories.THANKS if is_well else stories.COMPLAINTS)
        verdict = ClosingVerdict.SOLVED if is_well else ClosingVerdict.SOLVED_BUT
        with clock.told_as(self.at):
            close_with_verdict(
                self.cast.contact, ticket.reference, verdict, score, words if score else ""
            )


class _NotYet(Exception):
    """The story has reached the present."""
