from __future__ import annotations

import pytest

from servicedesk.core import trace


def test_a_job_carries_the_identity_of_what_asks_for_it_and_its_function_does_not_see_it():
    with trace.following("click-0001"):
        told = trace.with_trace({"order_id": 7})

    assert trace.without_trace(told) == ({"order_id": 7}, "click-0001")
    # what the release before wrote, or the clock
    assert trace.with_trace({"order_id": 7}) == {"order_id": 7}
    assert trace.without_trace({"order_id": 7}) == ({"order_id": 7}, "")


def test_what_is_found_out_inside_ends_with_the_block():
    with trace.following("notification"):
        with trace.following(trace.current()):
            trace.follow("the-click")
            trace.follow(None)
            assert trace.current() == "the-click"
        assert trace.current() == "notification"
    assert trace.current() == ""


@pytest.mark.parametrize(
    "word", ["", "short", "a" * 65, "a b c d e f g", "evil\nline-two", "-dash0123"]
)
def test_a_word_from_outside_that_is_no_identity_is_not_taken(word):
    assert not trace.is_well_formed(word)
