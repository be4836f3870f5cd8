"""Paper: a Typst template and data become a tagged PDF. What people typed is data, never markup."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typst
from flask import Response

from config import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

TEMPLATES = ROOT / "templates" / "print"
# what Typst's strings cannot hold, and what a page cannot show
_UNSHOWABLE = {code: "\ufffd" for code in range(32) if chr(code) not in "\n\t"}


def pdf_of(template: str, data: Mapping[str, Any]) -> bytes:
    """Return `templates/print/<template>.typ` filled with `data`, as PDF/UA."""
    text = json.dumps(_shown(data), ensure_ascii=False)
    made = typst.compile(
        str(TEMPLATES / f"{template}.typ"),
        root=str(TEMPLATES),
        sys_inputs={"data": text},
        pdf_standards=["ua-1"],
        ignore_system_fonts=True,  # the same paper on every machine
    )
    if not isinstance(made, bytes):
        raise TypeError(template)
    return made


def pdf_response(content: bytes, name: str) -> Response:
    """Return a PDF to be kept under `name`, never shown inside the desk's own pages."""
    return Response(
        content,
        mimetype="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="{name}.pdf"'},
    )


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        return value.translate(_UNSHOWABLE)
    if isinstance(value, dict):
        return {key: _shown(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(inner) for inner in value]
    return value
