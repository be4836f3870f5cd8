"""Addresses of styles, scripts and icons: each file's name carries a hash of its content."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from flask import current_app, url_for

if TYPE_CHECKING:
    from flask import Flask

A_YEAR = 365 * 24 * 3600  # seconds
MANIFEST = "manifest.json"


class AssetsNotBuilt(Exception):
    """The static folder lacks a file; `make setup` builds it."""


def install(app: Flask) -> None:
    """Give templates `asset_url`, and let browsers keep what never changes under its name."""
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = A_YEAR
    app.jinja_env.globals["asset_url"] = asset_url


def asset_url(name: str) -> str:
    """Return the address of an asset by its plain name, such as "desk.css" or "icons.svg".

    Raises AssetsNotBuilt when set-up has not made it.
    """
    return url_for("static", filename=asset_path(name).name)


def asset_path(name: str) -> Path:
    """Return where an asset lies, by its plain name. Raises AssetsNotBuilt."""
    folder = current_app.static_folder
    if folder is None:
        raise AssetsNotBuilt("this application has no static folder")
    path = Path(folder, MANIFEST)
    try:
        built = path.stat().st_mtime_ns
    except FileNotFoundError:
        raise AssetsNotBuilt("static/manifest.json is missing; run `make setup`") from None
    names = _manifest(path, built)
    if name not in names:
        raise AssetsNotBuilt(f"{name} is not in static/manifest.json; run `make setup`")
    return Path(folder, names[name])


@lru_cache(maxsize=2)
def _manifest(path: Path, built: int) -> dict[str, str]:
    del built  # part of the key: another build is read anew
    names: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return names
