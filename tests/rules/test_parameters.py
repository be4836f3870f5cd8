"""What people fill in: each kind of value says what is wrong with it, and keeps what is right."""

from __future__ import annotations

import pytest

from servicedesk.devices.parameters import Kind, Parameter, cleaned, faults_of

NUMBER = Parameter(name="length", label="", kind=Kind.NUMBER, least=4, most=16)
CHOICE = Parameter(name="type", label="", kind=Kind.CHOICE, choices={"a": "A", "b": "B"})
FLAG = Parameter(name="hidden", label="", kind=Kind.FLAG)
SECRET = Parameter(name="password", label="", kind=Kind.SECRET, min_length=8)
NEEDED = Parameter(name="name", label="", required=True, max_length=5, pattern="[a-z]+")


@pytest.mark.parametrize(
    ("parameter", "value", "is_right"),
    [
        (NUMBER, "4", True),
        (NUMBER, 16, True),
        (NUMBER, "17", False),
        (NUMBER, "-4", False),
        (NUMBER, "٤", False),
        (NUMBER, "", True),
        (CHOICE, "a", True),
        (CHOICE, "c", False),
        (FLAG, True, True),
        (FLAG, False, True),
        (FLAG, "yes", True),
        (FLAG, "on", False),
        (SECRET, "kurz", False),
        (SECRET, "lang genug", True),
        (NEEDED, "", False),
        (NEEDED, None, False),
        (NEEDED, "abc", True),
        (NEEDED, "abcdef", False),
        (NEEDED, "ABC", False),
        (NEEDED, ["abc"], False),
        (NEEDED, "a\x07c", False),
    ],
)
def test_a_value_is_right_or_wrong(parameter: Parameter, value: object, is_right: bool) -> None:  # noqa: FBT001
    assert (faults_of([parameter], {parameter.name: value}) == {}) is is_right


def test_what_is_not_declared_is_refused() -> None:
    assert "other" in faults_of([FLAG], {"other": "1"})


def test_everything_is_kept_as_trimmed_text() -> None:
    values: dict[str, object] = {"length": 6, "hidden": True, "type": " a "}
    assert cleaned([NUMBER, FLAG, CHOICE, NEEDED], values) == {
        "length": "6",
        "hidden": "yes",
        "type": "a",
        "name": "",
    }
