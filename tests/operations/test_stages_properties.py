"""However answers and people interleave, no device is commanded before its stage."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from servicedesk.core import clock, database
from servicedesk.core.actors import SYSTEM
from servicedesk.core.errors import DomainError
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.devices.commands import CommandState, DeviceCommand
from servicedesk.devices.dispatch import send_command
from servicedesk.devices.engines.contract import ObservedState
from servicedesk.devices.models import Device, DeviceState
from servicedesk.devices.settlement import record_answer
from servicedesk.orders.execution import execute_order, resume_order, retry_failed
from servicedesk.orders.jobs import advance_due
from servicedesk.orders.models import OrderStage, OrderState, OrderTarget, StageState, WorkOrder
from servicedesk.orders.steering import cancel_order, go_on_now, pause_order, plan_stages

FLEET = 21  # the fewest that go in stages
FAILURES = {CommandState.FAILED, CommandState.EXPIRED, CommandState.UNKNOWN}
ANSWERS = tuple(state for state in ObservedState if state is not ObservedState.ACCEPTED)

numbers = st.integers(0, FLEET - 1)
answers = st.lists(
    st.tuples(numbers, st.sampled_from((ObservedState.ACKNOWLEDGED, *ANSWERS))),
    min_size=1,
    max_size=8,
)
disturbances = st.one_of(
    st.tuples(st.just("send"), st.integers(1, FLEET)),
    st.tuples(st.just("answer"), answers),
    st.tuples(st.just("wait"), st.sampled_from((1, 11))),
    st.tuples(st.sampled_from(("leave", "come back")), numbers),
    st.tuples(st.sampled_from(("advance", "pause", "resume", "go on", "retry")), st.none()),
    st.tuples(
        st.just("plan"),
        st.tuples(st.lists(st.sampled_from(("1", "3", "25 %")), max_size=3), st.just("20")),
    ),
)
# what an order needs to get on; without it the dice would hardly ever reach a second stage
TIME = [("resume", None), ("time", None)]
drives = st.one_of(
    st.just([("all do it", None), *TIME]),
    st.just(TIME),
    answers.map(lambda told: [("send", FLEET), ("answer", told), *TIME]),
    st.just([("cancel", None)]),
)
steps = st.lists(st.tuples(st.lists(disturbances, max_size=3), drives), min_size=3, max_size=5).map(
    lambda rounds: [step for disturbed, drive in rounds for step in (*disturbed, *drive)]
)
plans = st.tuples(
    st.lists(st.sampled_from(("1", "2", "5", "10 %", "50 %")), max_size=4),
    st.sampled_from(("0", "5", "20", "50")),
)


@dataclass
class Standing:
    """An order as its rows tell it."""

    order: WorkOrder
    stages: list[OrderStage]
    commands: list[DeviceCommand]
    positions: dict[int, int]  # device → position

    def of(self, *states: CommandState) -> int:
        return sum(command.state in states for command in self.commands)


class Play:
    """One order, and everything that can happen to it."""

    def __init__(self, make, agent, contact, devices) -> None:
        self.make, self.agent, self.devices = make, agent, devices
        self.now = datetime.now(UTC)
        ticket = make.request(
            contact, "device.push_message", *devices, parameters={"text": "Hello"}
        )
        self.order = ticket.orders[0]
        self.told = 0

    def look(self) -> Standing:
        session = database.session()
        session.expunge_all()
        session.rollback()
        order = session.get_one(WorkOrder, self.order.id)
        where = OrderTarget.order_id == order.id
        rows = session.execute(select(OrderTarget.device_id, OrderTarget.position).where(where))
        standing = Standing(
            order=order,
            stages=list(
                session.scalars(
                    select(OrderStage)
                    .where(OrderStage.order_id == order.id)
                    .order_by(OrderStage.number)
                )
            ),
            commands=list(
                session.scalars(
                    select(DeviceCommand)
                    .where(DeviceCommand.batch_id == order.batch_id)
                    .order_by(DeviceCommand.id)
                )
            ),
            positions={row[0]: row[1] for row in rows},
        )
        session.expunge_all()
        session.rollback()
        return standing

    def do(self, name: str, detail) -> None:
        self.now += timedelta(minutes=31) if name == "time" else timedelta(seconds=1)
        steps = {
            "send": self._send,
            "answer": self._answer,
            "all do it": lambda _: self._all_do_it(),
            "wait": lambda _: None,
            "advance": lambda _: advance_due(),
            "time": lambda _: advance_due(),
            "leave": lambda number: self._set_state(number, DeviceState.RETIRED),
            "come back": lambda number: self._set_state(number, DeviceState.ENROLLED),
            "plan": lambda plan: plan_stages(
                self.agent, self.order.reference, plan[0], ["5"] * 3, plan[1]
            ),
        }
        people = {
            "pause": pause_order,
            "resume": resume_order,
            "go on": go_on_now,
            "retry": retry_failed,
            "cancel": cancel_order,
            "execute": execute_order,
        }
        if name == "wait":
            self.now += timedelta(minutes=detail)
        with clock.told_as(self.now), contextlib.suppress(DomainError):
            if name in people:
                people[name](self.agent, self.order.reference)
            else:
                steps[name](detail)

    def _all_do_it(self) -> None:
        self._send(FLEET)
        self._answer([(number, ObservedState.ACKNOWLEDGED) for number in range(FLEET)])

    def _send(self, most: int) -> None:
        queued = [c.id for c in self.look().commands if c.state is CommandState.QUEUED]
        for command_id in queued[:most]:
            send_command(command_id)

    def _answer(self, answers) -> None:
        keys = {c.key for c in self.look().commands}
        told = [o for o in self.make.engine.submitted if o.idempotency_key in keys]
        for number, state in answers:
            if told:
                order = told[number % len(told)]
                self.told += 1
                observation = self.make.engine.observation(order, state, f"event {self.told}")
                with unit_of_work(SYSTEM, "test.answer") as work:
                    record_answer(work, observation, "notification")

    def _set_state(self, number: int, state: DeviceState) -> None:
        session = database.session()
        session.execute(
            update(Device).where(Device.id == self.devices[number].id).values(state=state)
        )
        session.commit()


def check_stages(standing: Standing) -> None:
    """What always holds."""
    begun = [stage for stage in standing.stages if stage.state is not StageState.WAITING]
    reach = max((stage.until for stage in begun), default=0)
    assert len(standing.commands) <= sum(stage.size for stage in begun)
    assert len({command.device_id for command in standing.commands}) == len(standing.commands)
    assert all(standing.positions[command.device_id] < reach for command in standing.commands)
    assert len(standing.commands) == sum(stage.commanded for stage in standing.stages)
    # the stages are the positions, each of them once
    ends = [0, *(stage.until for stage in standing.stages)]
    assert [stage.first for stage in standing.stages] == ends[:-1]
    assert ends[-1] == FLEET


def check_step(before: Standing, after: Standing, name: str, now: datetime) -> None:
    """What holds for a step: who is commanded anew, and why it was allowed."""
    come = len(after.commands) - len(before.commands)
    assert come >= 0
    if not come:
        return
    assert name in {"execute", "advance", "time"}
    begun = [
        new
        for old, new in zip(before.stages, after.stages, strict=True)
        if old.state is StageState.WAITING and new.commanded
    ]
    assert len(begun) == 1, "a stage at a time"
    assert come == begun[0].commanded <= begun[0].size
    if name != "execute":
        order, commanded = before.order, len(before.commands)
        failed = before.of(*FAILURES) - order.forgiven
        assert order.state is OrderState.EXECUTING
        assert order.next_step_at is not None
        assert order.next_step_at <= now
        assert before.of(CommandState.ACKNOWLEDGED) * 2 >= commanded
        assert failed * 100 <= order.failure_percent * commanded


def test_no_device_is_commanded_before_its_stage_whatever_happens(make):
    client = make.client()
    contact, agent = make.contact(client), make.agent()
    devices = make.fleet(client, FLEET)
    reached = set()

    @settings(
        max_examples=40,
        derandomize=True,  # where the dice went is asserted below
        phases=(Phase.explicit, Phase.generate),  # each step is transactions: none are shrunk
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(plans, steps)
    def hold(plan, happenings) -> None:
        play = Play(make, agent, contact, devices)
        gone: set[int] = set()
        before = play.look()
        for name, detail in [("plan", plan), ("execute", None), *happenings]:
            sent = len(make.engine.submitted)
            play.do(name, detail)
            after = play.look()
            check_stages(after)
            if name != "plan":
                check_step(before, after, name, play.now)
            if before.order.state in {OrderState.PAUSED, OrderState.CANCELLED}:
                assert len(make.engine.submitted) == sent, "something left a stopped order"
            known = {command.device_id for command in before.commands}
            new = {command.device_id for command in after.commands} - known
            assert not new & {devices[number].id for number in gone}, "it had left the service"
            gone = (gone | {detail}) if name == "leave" else gone
            gone = (gone - {detail}) if name == "come back" else gone
            reached.add((after.order.state, sum(stage.commanded > 0 for stage in after.stages)))
            before = after
        for number in gone:
            play.do("come back", number)

    hold()
    # the dice went everywhere: to the third stage, to a pause, to an end
    assert {state for state, _ in reached} >= {
        OrderState.PAUSED,
        OrderState.CANCELLED,
        OrderState.EXECUTING,
    }
    assert max(stages for _, stages in reached) >= 3
