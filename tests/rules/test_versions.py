"""Versions compare as versions; what is no version sorts lowest and never raises."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicedesk.devices.conformity.versions import version_key

IN_ORDER = (
    "",
    "0",
    "1.0-alpha",
    "1.0-alpha.1",
    "1.0-beta",
    "1.0-rc.2",
    "1.0-rc.10",
    "1.0",
    "1.0.0.1-rc1",
    "1.0.0.1",
    "1.0.1",
    "9.9",
    "10.0",
    "15.7.1-beta",
    "15.7.1",
    "15.10",
    "999999999999999999.1",
    "1000000000000000000",
    "99999999999999999999999999",
    "199999999999999999999999999999999999999999999999999999999999",
)

numbers = st.integers(0, 3) | st.integers(0, 10**40)
releases = st.lists(numbers, min_size=1, max_size=4)
identifiers = st.sampled_from(["alpha", "beta", "rc", "a", "b", "zz"]) | numbers
suffixes = st.lists(identifiers, max_size=3)
versions = st.tuples(releases, suffixes, st.sampled_from(["", "+build.7", "+9", " (4711)"]))


def written(version) -> str:
    release, suffix, build = version
    text = ".".join(map(str, release))
    return text + ("-" + ".".join(map(str, suffix)) if suffix else "") + build


def compared(first, second) -> int:
    """Compare as semantic versioning says it, place by place, knowing nothing of keys."""
    for place in range(max(len(first[0]), len(second[0]))):
        one, other = (v[0][place] if place < len(v[0]) else 0 for v in (first, second))
        if one != other:
            return -1 if one < other else 1
    if not first[1] or not second[1]:
        return bool(second[1]) - bool(first[1])
    for one, other in zip(first[1], second[1], strict=False):
        if type(one) is not type(other):
            return -1 if isinstance(one, int) else 1
        if one != other:
            return -1 if one < other else 1
    return (len(first[1]) > len(second[1])) - (len(first[1]) < len(second[1]))


@pytest.mark.parametrize(("lower", "higher"), list(pairwise(IN_ORDER)))
def test_known_versions_are_in_order(lower, higher):
    assert version_key(lower) < version_key(higher)


@pytest.mark.parametrize(
    ("one", "same"),
    [
        ("15.7", "15.7.0"),
        ("15.7", "015.07"),
        ("1.0-RC.1", "1.0.0-rc1"),
        ("1.0+a", "1.0+b"),
        ("v2.1", "2.1"),
        ("2.1 (4711)", "2.1"),
        ("0", "0.0.0"),
        ("garbage", ""),
    ],
)
def test_different_words_for_one_version_are_equal(one, same):
    assert version_key(one) == version_key(same)


@given(versions, versions)
def test_keys_sort_as_the_brute_force_comparison_says(first, second):
    one, other = version_key(written(first)), version_key(written(second))
    assert (one > other) - (one < other) == compared(first, second)


@given(st.text(max_size=400) | st.from_regex(re.compile(r"[0-9.\-+a-z]{0,60}")))
def test_anything_has_a_key_that_a_bigint_array_holds(text):
    key = version_key(text)
    assert key == version_key(text)
    assert all(0 <= place < 2**63 for place in key)
    assert key >= version_key("garbage")
