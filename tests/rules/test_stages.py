"""How a wide order is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicedesk.core.errors import InvalidInput
from servicedesk.orders.stages import (
    STAGED_FROM,
    allowed_failures,
    default_plan,
    is_proven,
    plan_of,
)

SIZES = st.one_of(
    st.integers(1, 99_999).map(str), st.integers(1, 100).map(lambda share: f"{share} %")
)


@given(st.integers(1, 100_000))
def test_the_default_plan_covers_every_device_once_and_begins_with_one_canary(devices):
    plan = default_plan(devices)
    assert sum(stage.size for stage in plan) == devices
    assert all(stage.size > 0 for stage in plan)
    if devices > STAGED_FROM:
        assert plan[0].size == 1
        assert plan[0].wait_minutes > 0
        assert plan[1].size * 10 - devices < 10


@given(st.lists(SIZES, max_size=6), st.integers(1, 50_000))
def test_a_plan_that_was_typed_covers_every_device_once_too(sizes, devices):
    plan = plan_of(sizes, ["5"] * len(sizes), devices)
    assert sum(stage.size for stage in plan) == devices
    assert all(stage.size > 0 for stage in plan)
    for typed, stage in zip(sizes, plan, strict=False):
        if "%" not in typed:
            assert stage.size <= int(typed)


@pytest.mark.parametrize(
    "size", ["0", "-1", "1.5", "101 %", "0%", "ten", "٣", "1e3", "9" * 30, "%"]
)
def test_a_size_that_is_none_is_refused_at_its_field(size):
    with pytest.raises(InvalidInput) as refused:
        plan_of([size], ["0"], 100)
    assert refused.value.field == "sizes"


@pytest.mark.parametrize("wait", ["-1", "1.5", "10081", "soon", "٣", "9" * 30])
def test_a_wait_that_is_none_is_refused_at_its_field(wait):
    with pytest.raises(InvalidInput) as refused:
        plan_of(["1"], [wait], 100)
    assert refused.value.field == "waits"


def test_the_canary_may_not_fail_and_a_share_may_a_little():
    assert allowed_failures(5, 1) == 0
    assert allowed_failures(5, 101) == 5
    assert allowed_failures(0, 20_000) == 0


def test_going_on_wants_half_of_the_devices_to_have_done_it():
    assert not is_proven(0, 0, 1, 5)
    assert is_proven(1, 0, 1, 5)
    assert not is_proven(49, 0, 100, 5)
    assert is_proven(50, 0, 100, 5)
    assert not is_proven(0, 0, 0, 5)


def test_going_on_wants_few_failures_among_those_that_have_answered():
    assert is_proven(57, 3, 100, 5)
    assert not is_proven(57, 4, 100, 5), "four of a hundred, but of sixty-one answers so far"
    assert is_proven(96, 4, 100, 5)
    assert not is_proven(1, 1, 2, 5)


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500), st.integers(0, 50))
def test_what_may_go_on_would_not_have_to_stop(acknowledged, failed, unanswered, percent):
    commanded = acknowledged + failed + unanswered
    if is_proven(acknowledged, failed, commanded, percent):
        assert failed <= allowed_failures(percent, commanded)
