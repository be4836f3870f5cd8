"""Vega-Lite's picture of a specification, reduced to plain shapes and texts.

The renderer's SVG has roles, classes and sizes of its own, and fonts of the machine. What is taken
over is on a list, so whatever stood in a label, nothing but shapes and texts comes out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import vl_convert

from servicedesk.shell.charts.palette import NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servicedesk.shell.charts.sketching import Spec

VERSION = "6.4"  # of Vega-Lite: another one is chosen, not got
TAGS = {"g", "path", "line", "text"}
ATTRIBUTES = {
    "d",
    "x2",
    "y2",
    "transform",
    "fill",
    "stroke",
    "stroke-width",
    "stroke-dasharray",
    "stroke-linejoin",
    "text-anchor",
    "font-size",
    "font-weight",
}
USELESS = {"transform": "translate(0,0)", "stroke-width": "0"}
LONG = re.compile(r"-?\d+\.\d{2,}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Rendered:
    """Shapes and texts in the light colours, and the size of their paper."""

    width: str
    height: str
    shapes: tuple[ET.Element, ...]

    @property
    def box(self) -> str:
        """Return what part of the plane is seen."""
        return f"0 0 {self.width} {self.height}"


def rendered(spec: Spec) -> Rendered:
    """Return the picture of a specification. It may load nothing, whatever it says."""
    svg = vl_convert.vegalite_to_svg(spec, vl_version=VERSION, allowed_base_urls=[])
    root = ET.fromstring(svg)  # noqa: S314  the renderer's own
    width, height = root.attrib["width"], root.attrib["height"]
    return Rendered(width=width, height=height, shapes=tuple(_plain(root)))


def use_theme(root: ET.Element) -> None:
    """Have every colour of the palette follow the page's theme, by its name."""
    for element in root.iter():
        for side in ("fill", "stroke"):
            if element.get(side) in NAMES:
                element.set(side, f"var(--chart-{NAMES[element.attrib[side]]})")


def text_of(element: ET.Element) -> str:
    """Return the picture as it stands in a page or a file."""
    return ET.tostring(element, encoding="unicode")


def _plain(element: ET.Element) -> Iterator[ET.Element]:
    """Yield what is seen inside an element, with nothing around it that does not move it."""
    for child in element:
        tag = child.tag.rpartition("}")[2]
        if tag not in TAGS or child.get("opacity") == "0":
            continue
        plain = _copy(child, tag)
        plain.extend(_plain(child))
        if tag == "g" and not len(plain):
            continue
        if tag == "g" and "transform" not in plain.attrib:
            yield from plain
        elif tag == "g" or _is_seen(plain):
            yield plain


def _copy(element: ET.Element, tag: str) -> ET.Element:
    plain = ET.Element(tag)
    for name, value in element.attrib.items():
        if (
            name in ATTRIBUTES
            and USELESS.get(name) != value
            and not (tag == "g" and name == "fill")
        ):
            plain.set(name, LONG.sub(_rounded, value))
    plain.text = element.text
    return plain


def _is_seen(plain: ET.Element) -> bool:
    if plain.tag == "path":
        return bool(plain.get("d")) and ("fill" in plain.attrib or "stroke" in plain.attrib)
    return plain.tag != "text" or bool(plain.text)


def _rounded(number: re.Match[str]) -> str:
    return f"{float(number[0]):.1f}".removesuffix(".0")
