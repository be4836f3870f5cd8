"""Laws of the figures of a review."""

from __future__ import annotations

from pathlib import Path

import pytest

from servicedesk.reviews import metrics
from servicedesk.reviews.metrics import BY_CODE, FIGURES
from servicedesk.reviews.metrics.figure import SECTION_LABELS, Figure, Unit
from tests.figures.oracle import Month

SHAPES = {"__init__", "figure", "shapes"}


def test_every_figure_is_in_the_list():
    files = {path.stem for path in Path(metrics.__file__).parent.glob("*.py")} - SHAPES
    assert {type(figure).__module__.rsplit(".", 1)[-1] for figure in FIGURES} == files
    assert len(BY_CODE) == len(FIGURES) == len(files)


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.code)
def test_a_figure_is_whole(figure):
    assert isinstance(figure, Figure)
    assert figure.code == type(figure).__module__.rsplit(".", 1)[-1]
    assert figure.label
    assert figure.definition
    assert all(sentence.endswith(".") for sentence in figure.definition)
    assert figure.section in SECTION_LABELS
    assert bool(figure.part_label) == bool(figure.rest_label)
    assert figure.unit is not Unit.SHARE or figure.subject
    assert hasattr(Month, figure.code), "a plain program counts it as well"


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.code)
def test_what_a_figure_is_broken_down_by_has_words(figure):
    words = pytest.importorskip("servicedesk.reviews.web.tag_words")
    assert set(figure.by) <= set(words.HEADS)
