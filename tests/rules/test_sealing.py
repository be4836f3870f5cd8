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


def test_nothing_stays_nothing() -> None:
    assert sealing.seal("") == ""
    assert sealing.unseal("") == ""


def test_a_secret_that_looks_sealed_is_sealed_all_the_same() -> None:
    assert sealing.unseal(sealing.seal("sealed:x")) == "sealed:x"


def test_another_key_does_not_open_it() -> None:
    sealed = sealing.seal("Sol y sombra")
    sealing.use_key("another")
    with pytest.raises(sealing.NotOurs):
        sealing.unseal(sealed)


def test_the_same_secret_seals_to_the_same_text() -> None:
    assert sealing.seal("Sol y sombra") == sealing.seal("Sol y sombra")
    assert sealing.seal("Sol y sombra") != sealing.seal("Sol y Sombra")


@pytest.mark.parametrize(
    "broken", ["sealed:", "sealed:x", "sealed:AAAA", "sealed:%%%", "Sol y sombra"]
)
def test_what_was_changed_does_not_open(broken: str) -> None:
    with pytest.raises(sealing.NotOurs):
        sealing.unseal(broken)
