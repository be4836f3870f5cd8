"""Build the static folder from the locked packages and our own sources.

`python -m servicedesk.shell.asset_build` leaves a file alone whose content has not changed.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from importlib.util import find_spec
from pathlib import Path

from config import ROOT
from servicedesk.shell.assets import MANIFEST
from servicedesk.shell.icons import ICONS
from servicedesk.shell.outlines import OUTLINES
from servicedesk.shell.topology import outlines_of

STATIC = ROOT / "static"
OWN = ROOT / "servicedesk" / "shell" / "assets_source"
PACKAGES = ROOT / "node_modules"
PACKAGED = {
    "tabler.css": "@tabler/core/dist/css/tabler.min.css",
    "tabler.js": "@tabler/core/dist/js/tabler.min.js",
    "htmx.js": "htmx.org/dist/htmx.min.js",
}
COUNTRIES = "world-atlas/countries-50m.json"
FILLED = "-filled"
# a browser's tools would ask for the map, which is not copied
SOURCE_MAP = re.compile(rb"\n?(/\*# sourceMappingURL=[^*]*\*/|//# sourceMappingURL=\S+)\s*$")
SYMBOL = re.compile(r'<symbol id="tabler-([a-z0-9-]+)"(.*?)</symbol>', re.DOTALL)
FRAME = '<path stroke="none" d="M0 0h24v24H0z" fill="none" />'  # draws nothing


class BuildFailed(Exception):
    """Something that the pages need is not there; the message says what."""


def main() -> int:
    """Build, and say how much there is; 1 when something is missing."""
    try:
        names = build()
    except BuildFailed as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    sys.stdout.write(f"{len(names)} front-end files in static/\n")
    return 0


def build() -> dict[str, str]:
    """Write every asset under its hashed name and then the manifest; return the manifest."""
    STATIC.mkdir(exist_ok=True)
    names = {name: _write(name, content) for name, content in sorted(_contents().items())}
    manifest = STATIC / MANIFEST
    fresh = manifest.with_suffix(".new")
    fresh.write_text(json.dumps(names, indent=2) + "\n", encoding="utf-8")
    fresh.replace(manifest)
    for path in STATIC.iterdir():
        if path.name not in names.values() and path != manifest:
            path.unlink()
    return names


def _contents() -> dict[str, bytes]:
    contents = {name: _packaged(path) for name, path in PACKAGED.items()}
    for path in OWN.iterdir():
        if path.suffix in {".css", ".js"}:
            contents[path.name] = path.read_bytes()
    contents["icons.svg"] = icon_sprite(ICONS)
    contents[OUTLINES] = outlines_of(_packaged(COUNTRIES))
    return contents


def _packaged(path: str) -> bytes:
    try:
        return SOURCE_MAP.sub(b"\n", (PACKAGES / path).read_bytes())
    except FileNotFoundError:
        raise BuildFailed(f"node_modules/{path} is missing; run `npm ci`") from None


def _write(name: str, content: bytes) -> str:
    stem, suffix = name.rsplit(".", 1)
    hashed = f"{stem}.{hashlib.sha256(content).hexdigest()[:12]}.{suffix}"
    path = STATIC / hashed
    if not path.exists() or path.stat().st_size != len(content):
        path.write_bytes(content)
    return hashed


def icon_sprite(names: tuple[str, ...]) -> bytes:
    """Return one SVG with a symbol for each icon; raises BuildFailed naming those unknown."""
    known = _symbols()
    unknown = sorted(set(names) - known.keys())
    if unknown:
        raise BuildFailed(f"no such icon in servicedesk/shell/icons.py: {', '.join(unknown)}")
    symbols = "\n".join(
        f'<symbol id="{name}"{known[name].replace(FRAME, "")}</symbol>'
        for name in sorted(set(names))
    )
    return f'<svg xmlns="http://www.w3.org/2000/svg">\n{symbols}\n</svg>\n'.encode()


def _symbols() -> dict[str, str]:
    """Return Tabler's symbols by our names: `star` is the outline, `star-filled` the solid one."""
    package = find_spec("flask_tabler_icons")
    folder = Path((package and package.origin) or "").parent / "static" / "tabler_icons"
    outlines = _sprite(folder / "tabler-sprite-nostroke.svg")
    solids = _sprite(folder / "tabler-sprite-filled.svg")
    return outlines | {
        name.removeprefix("filled-") + FILLED: symbol for name, symbol in solids.items()
    }


def _sprite(path: Path) -> dict[str, str]:
    return dict(SYMBOL.findall(path.read_text(encoding="utf-8")))


if __name__ == "__main__":
    sys.exit(main())
