"""The offline page: one HTML file with terrain, water over time, buildings, roads and figures.

Everything is inside the file (script, style, data); a content-security policy forbids any request.
Names and texts that come from data stay data: they are JSON for the script, never HTML.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Sequence
from datetime import datetime
from importlib import metadata, resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twin.errors import TwinError
from twin.messages import LANGUAGES, language, table, text
from viz.encode import Blobs
from viz.page_data import collect

if TYPE_CHECKING:
    from twin.results import Result

BUNDLE = "_bundle"


def page(
    results: Result | str | Path | Sequence[Result | str | Path],
    path: str | Path,
    *,
    lang: str | None = None,
    ensemble: bool = False,
    orthophoto: str | Path | None = None,
) -> Path:
    """Write one result, or several of the same grid to compare, as one offline HTML file.

    Parameters
    ----------
    results : a `twin.Result`, a run folder, or a sequence of them; the first is the reference.
    path : the file to write; its folder is made.
    lang : ``"fr"`` or ``"en"``, the language that the page opens in; default as `twin.messages`.
    ensemble : the results are runs of one question (a sweep): instead of a comparison, the page shows in
        how many of them each place is flooded and between what depths, each run counting the same.
    orthophoto : any raster that GDAL reads, in any CRS, draped over the ground when the reader asks.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    InputError
        No such run, a run without a single frame, runs on different grids, an ensemble of one, or an
        orthophoto that cannot be read.
    TwinError
        The page's script has not been bundled (a checkout that was never installed).
    """
    from twin.results import Result

    listed = [results] if isinstance(results, (str, Path, Result)) else list(results)
    opened = [Result.open(r) if isinstance(r, (str, Path)) else r for r in listed]
    blobs = Blobs()
    photo = None if orthophoto is None else Path(orthophoto)
    data = collect(opened, blobs, ensemble=ensemble, orthophoto=photo)
    data |= {
        "lang": language(lang),
        "languages": list(LANGUAGES),
        "texts": table("page"),
        "version": _version(),
        "made": datetime.now().astimezone().isoformat(timespec="minutes"),
        "title": " / ".join(str(s["name"]) for s in data["scenarios"]),
    }
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(target.name + ".part")
    temporary.write_text(assemble(data, blobs), encoding="utf-8", newline="\n")
    temporary.replace(target)
    return target


def _version() -> str:
    try:
        return metadata.version("territorial-twin")
    except metadata.PackageNotFoundError:  # run from a checkout that was never installed
        return "0"


def bundled(name: str) -> str:
    """A file of the page bundle (``viewer.js`` …).

    Raises
    ------
    TwinError
        The bundle is not there.
    """
    source = resources.files("viz").joinpath(BUNDLE, name)
    if not source.is_file():
        raise TwinError(text("shown.not_bundled", file=f"viz/{BUNDLE}/{name}"))
    return source.read_text(encoding="utf-8")


def _source(text: str) -> str:
    """A CSP source expression that allows exactly this inline text."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def json_for_html(data: Any) -> str:
    """JSON that cannot end the element that holds it, whatever the names in it are."""
    plain = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return plain.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def assemble(data: dict[str, Any], blobs: Blobs) -> str:
    """The whole file as text."""
    script, style = bundled("viewer.js"), bundled("viewer.css")
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src {_source(script)}",
            f"style-src {_source(style)}",
            "img-src blob: data:",
            "worker-src blob:",  # decodes frames; its text is inside the script
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    blocks = "\n".join(
        f'<script type="text/plain" id="blob-{k}">{text}</script>' for k, text in enumerate(blobs.texts)
    )
    parts = {
        "{{LANG}}": html.escape(data["lang"]),
        "{{TITLE}}": html.escape(data["title"]),
        "{{POLICY}}": html.escape(policy),
        "/*{{STYLE}}*/": style,
        "<!--{{DATA}}-->": f'<script type="application/json" id="data">{json_for_html(data)}</script>\n'
        + blocks,
        "/*{{SCRIPT}}*/": script,
    }
    # One pass, left to right: what is put in is never searched again.
    out, rest = [], bundled("index.html")
    for mark, value in parts.items():
        before, found, rest = rest.partition(mark)
        if not found:
            raise TwinError(text("shown.no_mark", file=f"viz/{BUNDLE}/index.html", mark=mark))
        out += [before, value]
    return "".join(out) + rest
