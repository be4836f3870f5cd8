"""Secrets at rest: sealed once, opened only with the same key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from servicedesk.core import sealing

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def key() -> Iterator[None]:
    """Seal with a key of this test, and leave the suite's own behind."""
    sealing.use_key("one")
    yield
    sealing.use_key("a key of the tests")


def test_what_is_sealed_says_nothing_and_comes_back() -> None:
    sealed = sealing.seal("Sol y sombra")
    assert "Sol" not in sealed
    assert sealing.unseal(sealed) == "Sol y sombra"


def test_sealing_twice_and_sealing_nothing_change_nothing() -> None:
    sealed = sealing.seal("Sol y sombra")
    assert sealing.seal(sealed) == sealed
    assert sealing.seal("") == ""


def test_another_key_does_not_open_it() -> None:
    sealed = sealing.seal("Sol y sombra")
    sealing.use_key("another")
    with pytest.raises(sealing.NotOurs):
        sealing.unseal(sealed)


def test_plain_settings_pass_through() -> None:
    values = {"ssid": "Oficina", "password": sealing.seal("Sol y sombra")}
    assert sealing.unsealed(values) == {"ssid": "Oficina", "password": "Sol y sombra"}
