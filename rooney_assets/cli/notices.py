"""`rooney notices`: what was told, what is still wrong, and whether messages arrive."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rooney_assets.notices.records import Notice
    from rooney_assets.notices.rounds import Post

MOST_SHOWN = 50


@click.group(invoke_without_command=True)
@click.option("--all", "with_past", is_flag=True, help="Also what is over.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_context
def notices(context: click.Context, with_past: bool, as_json: bool) -> None:
    """Print the open notices: failed runs and checks, drift, stale assets, the approval's end.

    ROONEY_NOTIFY names a private file (chmod 600) with an address of apprise a line, such as
    dbus://, mailtos://user:password@host?to=me@host or slack://a/b/c. The log file
    ROONEY_STATE/notices/notices.log is always written. The sensor `notices` of the daemon looks
    every minute; `rooney notices once` does so by hand.
    """
    if context.invoked_subcommand is not None:
        return
    from rooney_assets.notices.channels import channel_kinds

    post = _post()
    kept = post.book.kept(only_open=not with_past)[:MOST_SHOWN]
    if as_json:
        rows = [
            _facts(one.notice)
            | {
                "first_at": one.first_at.isoformat(),
                "last_at": one.last_at.isoformat(),
                "n_times": one.n_times,
                "is_open": one.is_open,
            }
            for one in kept
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    for one in kept:
        over = "" if one.is_open else " (over)"
        times = f", {one.n_times} times" if one.n_times > 1 else ""
        click.echo(f"{one.last_at:%Y-%m-%d %H:%M}{times}{over}  {one.notice.title}")
        click.echo(f"    {one.notice.body}".replace("\n", "\n    "))
    if not kept:
        click.echo("No notice is open." if not with_past else "Nothing was ever told.")
    click.echo(f"Channels: {channel_kinds(post.channels.names)}; log {post.channels.log}")


@notices.command()
@click.option("--dry-run", is_flag=True, help="Print what would be told; keep and send nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def once(dry_run: bool, as_json: bool) -> None:
    """Look once, and send what is due: what the sensor does every minute."""
    from rooney_assets.instance import dagster_instance

    post = _post()
    with dagster_instance(post.settings) as instance:
        if dry_run:
            seen = post.found(instance)
            _tell([*seen.happened, *seen.lasting], as_json)
            return
        done = post.round(instance)
    if as_json:
        click.echo(json.dumps({"raised": [_facts(one) for one in done.raised], "did": done.words}))
        return
    _tell(list(done.raised), as_json=False)
    click.echo(done.words)


@notices.command()
@click.option("--send", is_flag=True, help="Send it to every channel, too.")
def digest(send: bool) -> None:
    """Print the digest of the last 24 hours."""
    from rooney_assets.instance import dagster_instance
    from rooney_assets.notices.automation import send_digest
    from rooney_assets.notices.digest import digest_of

    post = _post()
    with dagster_instance(post.settings) as instance:
        if send:
            click.echo(send_digest(post.settings, instance))
        else:
            click.echo(digest_of(instance, post.lake, post.book, post.settings.ui).words)


@notices.command()
def test() -> None:
    """Send a test message to every address; exit 1 when one does not take it."""
    post = _post()
    now = datetime.now(UTC)
    post.channels.write({"kind": "TEST", "subject": "a test"}, now)
    answers = post.channels.try_out("Rooney: test", f"Notices arrive here.\n{post.settings.ui}")
    click.echo(f"log: {post.channels.log}")
    for name, problem in answers.items():
        click.echo(f"{name}: {problem or 'sent'}")
    if any(answers.values()):
        sys.exit(1)


def _post() -> Post:
    from rooney_assets.notices.rounds import Post
    from rooney_assets.settings import Settings

    return Post.of(Settings.from_environment(os.environ))


def _tell(found: list[Notice], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([_facts(one) for one in found], indent=2))
        return
    for one in found:
        click.echo(f"{one.title}\n    {one.body}".replace("\n", "\n    ", 1))
    if not found:
        click.echo("Nothing is to be told.")


def _facts(notice: Notice) -> dict[str, Any]:
    return {
        "kind": str(notice.kind),
        "subject": notice.subject,
        "words": notice.words,
        "link": notice.link,
    }
