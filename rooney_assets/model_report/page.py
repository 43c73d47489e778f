"""The page of a trained model: a single HTML file that needs nothing but a browser.

Belongs here: what the page shows, and in which order. Does not belong here: computing it
(`portrait`), wording it (`words`), drawing it (`figures`).
"""

from __future__ import annotations

from rooney_assets.graph import page as pages
from rooney_assets.model_report import words
from rooney_assets.model_report.figures import figures_of
from rooney_assets.model_report.standing import Standing

ABOUT = "rooney-model"
"""The name of the fact that says, to a program, of which model a page is."""


def about(standing: Standing) -> str:
    """Symbol and version."""
    return f"{standing.portrait.symbol} {standing.portrait.model_version}"


def page_of(standing: Standing) -> str:
    """The document."""
    portrait, drawn = standing.portrait, figures_of(standing.portrait)
    title = f"{portrait.symbol} meta model"
    body = [
        f"<h1>{title}</h1>",
        *(pages.paragraph(one, "bad") for one in words.warnings_of(standing)),
        *_verdict(standing),
        "<h2>Windows</h2>",
        pages.table(words.WINDOW_HEAD, words.windows_table(standing)),
        pages.paragraph(
            "Sharpe: annual, of daily returns, flat days included. Unfiltered: every trade of the "
            "primary strategy. Taken: trades whose probability reaches the threshold.",
            "note",
        ),
        "<h2>The model</h2>",
        pages.facts(words.model_rows(standing)),
        "<h2>Threshold</h2>",
        drawn["threshold"],
        "<h2>Calibration</h2>",
        drawn["reliability"],
        pages.table(words.RELIABILITY_HEAD, words.reliability_table(standing)),
        "<h2>The search</h2>",
        drawn["tuning"],
        drawn["path_sharpes"],
        pages.paragraph(
            "Grey: whole paths of every set; blue: those of the chosen set. They are in the train "
            "window, and the best of many sets looks better than it is.",
            "note",
        ),
        pages.facts(words.hyperparameter_rows(standing)),
        "<h2>Features</h2>",
        *_features(standing, drawn),
        "<h2>Where it comes from</h2>",
        pages.facts(words.origin_rows(standing)),
    ]
    return pages.page(title, body, {ABOUT: about(standing)})


def _verdict(standing: Standing) -> list[str]:
    found = standing.evaluation
    rows = words.evaluation_rows(standing)
    kind = "" if found is None else "good" if found["verdict"] == "pass" else "bad"
    return [
        "<h2>Verdict</h2>",
        pages.paragraph(f"{rows[0][0]}: {rows[0][1]}", kind),
        pages.facts(rows[1:]),
    ]


def _features(standing: Standing, drawn: dict[str, str]) -> list[str]:
    return [
        drawn["importance"],
        pages.paragraph(
            "Importance: how much the log loss rises when the feature alone is shuffled; features "
            "that know the same hide each other, and one below 0 did harm here.",
            "note",
        ),
        drawn["contributions"],
        pages.paragraph(
            "Contributions: what the feature added to or took from the probability of each trade, "
            "by the paths through the forest and the Shapley values of the booster.",
            "note",
        ),
        drawn["coverage"],
        pages.table(words.FEATURE_HEAD, words.feature_table(standing)),
        pages.paragraph(
            "Contribution: mean absolute one, in probability. Known: share of trades that have the "
            "feature; one that is not known is null, never 0.",
            "note",
        ),
    ]
