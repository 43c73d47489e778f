"""The page needs nothing but a browser, is named by hash, and is found again by its release."""

from __future__ import annotations

import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest
from small_evidence import MONTH, RELEASE, candidate, chain_in, gate_rows, known

import rooney_assets.assets  # noqa: F401  (importing it fills the registries)
from rooney_assets.evidence import PAGE, Bundle, bundle_of, kept, page_in
from rooney_assets.evidence.files import write
from rooney_assets.lake import Lake, ManifestFacts
from rooney_core.errors import LakeError, RefusedError, UnknownName
from rooney_core.lineage import content_version

VOID = {"meta", "line", "rect", "circle", "polyline", "polygon", "path"}
PARTITION = ("rebalance_month", MONTH)
FACTS = ManifestFacts(run_id="run", code_version="code", git_commit="abc")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture
def bundle(lake: Lake) -> Bundle:
    return bundle_of(known(lake))


def keep(lake: Lake, bundle: Bundle) -> str:
    return lake.write(
        "release_evidence", PARTITION, bundle.table, FACTS, beside=bundle.beside
    ).data_version


class Outline(HTMLParser):
    """Collects tags, addresses and open elements."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [str(value) for name, value in attrs if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_page_is_whole_and_asks_for_nothing(bundle: Bundle) -> None:
    outline = Outline()
    outline.feed(bundle.html)
    assert outline.open == []
    assert outline.addresses == []
    assert not {"script", "link", "img", "iframe", "b"} & set(outline.tags)
    assert outline.tags.count("svg") == 5
    addresses = set(re.findall(r"https?://[^\"'<> ]+", bundle.html))
    assert addresses <= {"http://www.w3.org/2000/svg"}


def test_override_stands_first_and_is_escaped(bundle: Bundle) -> None:
    alarms = re.findall(r"<p class='alarm'>(.*?)</p>", bundle.html)
    assert alarms == [
        "OVERRIDE of the paper gate for SIM_CL until 2026-03-01, ada: "
        "&lt;b&gt;vendor outage&lt;/b&gt;"
    ]
    assert bundle.html.index("class='alarm'") < bundle.html.index("<h2>")


def test_page_says_what_is_traded_and_what_is_not_green(bundle: Bundle) -> None:
    for words in (
        "SIMULATED MARKET",
        "Trades SIM_CL 2, SIM_ES 1.",
        "Not green: SIM_CL paper: win_rate.",
        "4,321",
        "2 of 5",
        "raw_bars",
        "grade",
    ):
        assert words in bundle.html


def test_green_release_says_so(lake: Lake) -> None:
    green = (
        gate_rows()
        .filter(pl.col("symbol") != "SIM_NQ")
        .with_columns(passed=pl.lit(True), overridden_until=pl.lit(None, pl.Date))
    )
    html = bundle_of(known(lake, gates=green, candidate=candidate(overrides=()))).html
    assert "All 14 gate rows of the traded symbols are green." in html
    assert "alarm'" not in html


def test_every_version_stands_in_the_page(lake: Lake) -> None:
    facts = known(lake)
    html = bundle_of(facts).html
    assert all(one.version in html for one in facts.lineage)


def test_same_facts_give_the_same_bytes(tmp_path: Path) -> None:
    later = Lake(tmp_path / "later")
    for symbol in ("SIM_CL", "SIM_ES"):
        chain_in(later, symbol, run_id="another run")
    one, other = bundle_of(known(Lake(tmp_path / "first"))), bundle_of(known(later))
    assert one.html == other.html
    assert content_version(one.table) == content_version(other.table)


def test_rows_name_the_page_by_its_hash(bundle: Bundle) -> None:
    assert page_in(bundle.table) == hashlib.sha256(bundle.html.encode()).hexdigest()


def test_page_comes_back_by_release_and_its_first_letters(lake: Lake, bundle: Bundle) -> None:
    version = keep(lake, bundle)
    for name in (RELEASE, RELEASE[:6]):
        found = kept(lake, name)
        assert (found.version, found.month, found.release_id) == (version, MONTH, RELEASE)
        assert found.html == bundle.html
    assert lake.query("select html from release_evidence_page")["html"][0] == bundle.html


def test_evidence_of_an_earlier_release_stays(lake: Lake, bundle: Bundle) -> None:
    version = keep(lake, bundle)
    other = candidate().with_columns(release_id=pl.lit("f" * 32))
    keep(lake, bundle_of(known(lake, candidate=other)))
    assert kept(lake, RELEASE).version == version
    assert kept(lake, RELEASE).html == bundle.html
    assert kept(lake, "f" * 32).html != bundle.html


def test_newest_evidence_of_a_release_and_the_one_it_names(lake: Lake, bundle: Bundle) -> None:
    named = keep(lake, bundle)
    newer = keep(lake, bundle_of(known(lake, budget=7)))
    assert kept(lake, RELEASE).version == newer
    assert kept(lake, RELEASE, named).version == named


def test_unknown_release_is_refused(lake: Lake, bundle: Bundle) -> None:
    keep(lake, bundle)
    with pytest.raises(UnknownName, match="release with evidence"):
        kept(lake, "abcd")


def test_page_that_is_not_the_named_one_is_refused(lake: Lake, bundle: Bundle) -> None:
    forged = {PAGE: bundle.beside[PAGE].with_columns(html=pl.lit(bundle.html.replace("NO", "yes")))}
    lake.write("release_evidence", PARTITION, bundle.table, FACTS, beside=forged)
    with pytest.raises(LakeError, match="not the one that its rows name"):
        kept(lake, RELEASE)


def test_file_is_the_page_and_never_over_something_else(
    tmp_path: Path, lake: Lake, bundle: Bundle
) -> None:
    keep(lake, bundle)
    found, path = kept(lake, RELEASE), tmp_path / "deep" / "evidence.html"
    assert write(found, path).read_bytes() == bundle.html.encode()
    assert write(found, path) == path
    path.write_text("my notes", encoding="utf-8")
    with pytest.raises(RefusedError, match="--overwrite"):
        write(found, path)
    assert path.read_text(encoding="utf-8") == "my notes"
    assert write(found, path, overwrite=True).read_bytes() == bundle.html.encode()
    assert [one.name for one in path.parent.iterdir()] == ["evidence.html"]
