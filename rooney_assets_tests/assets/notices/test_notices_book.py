"""The memory of notices: once each, again after a while, tried again, and never lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rooney_assets.notices.book import MOST_ATTEMPTS, QUIET, REMINDER, NoticeBook
from rooney_assets.notices.records import LONGEST_WORDS, Notice, NoticeKind
from rooney_core.errors import InvalidSetting

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
FAILED = Notice(NoticeKind.RUN_FAILURE, "bars_of_symbol[ES]", "no answer", "http://ui/runs/1")
STOPPED = Notice(NoticeKind.EMERGENCY_STOP, "the factory", "fire")


@pytest.fixture
def book(tmp_path: Path) -> NoticeBook:
    return NoticeBook(tmp_path)


def told(book: NoticeBook, now: datetime) -> list[str]:
    """Deliver everything that is due."""
    due = book.due(now, 100)
    book.sent(due)
    return [f"{one.channel}: {one.kept.notice.key}" for one in due]


def test_a_notice_goes_once_to_every_channel(book: NoticeBook) -> None:
    assert book.raise_(FAILED, ("log", "slack:1"), NOON)
    key = FAILED.key
    assert told(book, NOON) == [f"log: {key}", f"slack:1: {key}"]
    assert told(book, NOON) == []
    assert not book.raise_(FAILED, ("log",), NOON + QUIET - SECOND)
    assert told(book, NOON + QUIET) == []
    (kept,) = book.kept()
    assert (kept.n_times, kept.first_at, kept.last_at) == (2, NOON, NOON + QUIET - SECOND)
    assert kept.notice == FAILED


def test_the_same_thing_hours_later_is_told_again(book: NoticeBook) -> None:
    book.raise_(FAILED, ("log",), NOON)
    assert book.raise_(FAILED, ("log",), NOON + QUIET)
    assert [one.is_open for one in book.kept()] == [True, False]


def test_what_is_over_is_told_at_once_when_it_comes_back(book: NoticeBook) -> None:
    book.raise_(FAILED, ("log",), NOON)
    assert book.close(FAILED.key) == 1
    assert book.close(FAILED.key) == 0
    assert book.kept(only_open=True) == []
    assert book.raise_(FAILED, ("log",), NOON + SECOND)


def test_a_star_closes_every_key_that_begins_so(book: NoticeBook) -> None:
    other = Notice(NoticeKind.RUN_FAILURE, "bars_of_symbol[NQ]", "no answer")
    for one in (FAILED, other, STOPPED):
        book.raise_(one, ("log",), NOON)
    assert book.close("RUN_FAILURE:*") == 2
    assert [one.notice for one in book.kept(only_open=True)] == [STOPPED]


def test_a_condition_is_reminded_of_and_settled(book: NoticeBook) -> None:
    assert book.raise_(STOPPED, ("log",), NOON)
    assert not book.raise_(STOPPED, ("log",), NOON + REMINDER - SECOND)
    assert book.raise_(STOPPED, ("log",), NOON + REMINDER)
    (kept,) = book.kept()
    # Found three times in three rounds, told twice: it is one stop.
    assert (kept.n_times, kept.is_open) == (2, True)
    assert book.settle([NoticeKind.EMERGENCY_STOP], [STOPPED.key]) == []
    assert book.settle([NoticeKind.STALE_ASSET], []) == []
    assert book.settle([NoticeKind.EMERGENCY_STOP], []) == [STOPPED]


def test_what_did_not_arrive_is_tried_again_later_and_later(book: NoticeBook) -> None:
    book.raise_(FAILED, ("slack:1",), NOON)
    now, waits = NOON, []
    for attempt in range(MOST_ATTEMPTS):
        (due,) = book.due(now, 10)
        assert due.n_attempts == attempt
        goes_on = book.failed(due, "no answer", now)
        assert goes_on == (attempt + 1 < MOST_ATTEMPTS)
        assert book.due(now, 10) == []
        wait = timedelta(minutes=4**attempt)
        assert book.due(now + wait - SECOND, 10) == []
        waits.append(wait)
        now += wait
    # By hand: 1, 4, 16, 64, 256 minutes between the six attempts.
    assert sum(waits[:-1], timedelta()) == timedelta(minutes=341)
    assert book.due(now, 10) == []
    assert book.n_waiting() == 0


def test_a_book_that_cannot_be_used_is_a_clear_refusal(tmp_path: Path) -> None:
    folder = tmp_path / "notices"
    folder.mkdir()
    (folder / "notices.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(InvalidSetting, match=r"notices\.sqlite cannot be used"):
        NoticeBook(tmp_path).kept()


def test_marks_and_what_is_forgotten(book: NoticeBook) -> None:
    assert book.mark("until") is None
    book.set_mark("until", "1")
    book.set_mark("until", "2")
    assert book.mark("until") == "2"
    book.raise_(FAILED, ("log",), NOON)
    book.forget(NOON + timedelta(days=89))
    assert len(book.kept()) == 1
    book.forget(NOON + timedelta(days=91))
    assert book.kept() == []
    assert book.due(NOON, 10) == []


def test_long_words_are_cut_and_the_link_stays() -> None:
    long = Notice(NoticeKind.RUN_FAILURE, "x", "w" * (LONGEST_WORDS + 1), "http://ui/runs/1")
    assert long.body == f"{'w' * LONGEST_WORDS} ...\nhttp://ui/runs/1"
    assert long.title == "Rooney: run failure, x"
