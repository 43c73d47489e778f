"""A page of words, tables and charts: one HTML file that needs nothing but a browser.

Belongs here: the document, its style, and how numbers look in it. Does not belong here: what a
page says (`backtests.page`, `model_report.page`). No script, no link, no font, no time of writing:
the same facts give the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Final

STYLE: Final = """
body { font: 14px/1.45 sans-serif; color: #1f2933; background: #fff; margin: 2em auto;
  max-width: 66em; padding: 0 1em; }
h1 { font-size: 1.5em; } h2 { font-size: 1.1em; margin-top: 2em; }
table { border-collapse: collapse; } th, td { padding: .15em .7em; text-align: right; }
th { border-bottom: 1px solid #9aa5b1; } td:first-child, th:first-child { text-align: left; }
td { white-space: nowrap; } .facts td { text-align: left; white-space: normal;
  overflow-wrap: anywhere; vertical-align: top; } .facts td:first-child { white-space: nowrap; }
.told td:last-child, .told th:last-child { text-align: left; white-space: normal; }
.wide { overflow-x: auto; } svg { max-width: 100%; height: auto; }
.good { color: #2f855a; } .bad { color: #c53030; } .note { color: #52606d; }
.alarm { color: #fff; background: #c53030; font-weight: bold; padding: .5em .8em; }
summary { color: #2b6cb0; cursor: pointer; margin: .8em 0; }
"""


def page(title: str, body: Iterable[str], about: Mapping[str, str] | None = None) -> str:
    """The document. `body` is HTML; `about` are facts for a program, as <meta> elements."""
    told = "".join(_meta(name, value) for name, value in (about or {}).items())
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"{told}<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body>"
        + "\n".join(body)
        + "</body></html>\n"
    )


def is_about(document: str, name: str, value: str) -> bool:
    """Whether the document was made with this fact among its `about`."""
    return _meta(name, value) in document


def facts(rows: Sequence[tuple[str, str]]) -> str:
    """Names and what they are, two columns."""
    cells = "\n".join(f"<tr><td>{escape(a)}</td><td>{escape(b)}</td></tr>" for a, b in rows)
    return f"<table class='facts'>{cells}</table>"


def table(
    names: Sequence[str],
    rows: Sequence[Sequence[str]],
    kinds: Sequence[str] | None = None,
    *,
    ends_in_words: bool = False,
) -> str:
    """A table with a head, which scrolls where it is wider than the page.

    `kinds`: of each row good, bad, note or nothing. `ends_in_words`: the last column is prose.
    """
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    lines = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows)
    body = "\n".join(
        f"<tr{_kind(kind)}>{line}</tr>"
        for line, kind in zip(lines, kinds or [""] * len(rows), strict=True)
    )
    inside = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    told = " class='told'" if ends_in_words else ""
    return f"<div class='wide'><table{told}>{inside}</table></div>"


def paragraph(words: str, kind: str = "") -> str:
    """Words of their own; `kind` good, bad, alarm, note or nothing."""
    return f"<p{_kind(kind)}>{escape(words)}</p>"


def folded(words: str, inside: str) -> str:
    """HTML that is shown when somebody asks for it; a printer and a search have it anyway."""
    return f"<details><summary>{escape(words)}</summary>{inside}</details>"


def number(value: float | None, digits: int = 2) -> str:
    """- for what is not known."""
    if value is None or math.isnan(value):
        return "-"
    return f"{value:,.{digits}f}" if math.isfinite(value) else "∞"


def percent(value: float | None, digits: int = 1) -> str:
    """A fraction in percent; nothing for None, - for NaN."""
    if value is None or math.isnan(value):
        return "" if value is None else "-"
    return (
        f"{round(100.0 * value, digits) + 0.0:.{digits}f} %"  # Adding zero takes the sign of -0.0.
    )


def _kind(kind: str) -> str:
    return f" class={kind!r}" if kind else ""


def _meta(name: str, value: str) -> str:
    return f'<meta name="{escape(name)}" content="{escape(value)}">'
