from __future__ import annotations

import re

import pytest

from servicedesk.processes import children, preparation
from servicedesk.shell import asset_build


def test_the_pause_before_a_restart_grows_and_has_an_end():
    pauses = [children.pause_before(deaths) for deaths in range(1, 9)]

    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert max(pauses) == children.LONGEST_PAUSE


@pytest.mark.parametrize(
    ("status", "words"), [(1, "exit code 1"), (-9, "signal SIGKILL"), (-999, "signal 999")]
)
def test_the_end_of_a_process_is_put_into_words(status, words):
    assert children.describe(status) == words


@pytest.mark.parametrize(
    ("address", "libpq"),
    [
        ("postgresql+psycopg://me@/desk?host=/run/x", "postgresql://me@/desk?host=%2Frun%2Fx"),
        ("postgresql+psycopg://me:p%40ss@db:6432/desk", "postgresql://me:p%40ss@db:6432/desk"),
    ],
)
def test_an_address_is_made_readable_for_libpq(address, libpq):
    assert preparation.conninfo(address) == libpq


def test_an_icon_that_does_not_exist_stops_the_build():
    with pytest.raises(asset_build.BuildFailed, match="no-such-icon"):
        asset_build.icon_sprite(("lock", "no-such-icon"))


def test_the_sprite_holds_the_icons_asked_for_and_no_others():
    sprite = asset_build.icon_sprite(("lock", "star", "star-filled", "lock")).decode()

    assert re.findall(r'<symbol id="([^"]+)"', sprite) == ["lock", "star", "star-filled"]


@pytest.mark.parametrize(
    "tail", [b"\n/*# sourceMappingURL=x.css.map */", b"\n//# sourceMappingURL=x.js.map"]
)
def test_no_browser_is_sent_after_a_source_map(tail):
    assert asset_build.SOURCE_MAP.sub(b"\n", b"a{}" + tail) == b"a{}\n"
