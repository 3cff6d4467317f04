"""AI TRAINING: the same table gives the same bytes, and the model finds again how users click."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.pipeline.feature_table import FEATURES, FeatureRow, feature_rows, read_log
from fixtures.pipeline.ranker import HELD_OUT, Ranker, evaluate, held_out, train
from fixtures.pipeline.service_log import TRUTH, LogSettings, write_log
from sandbox.errors import UsageError


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[FeatureRow]:
    folder = tmp_path_factory.mktemp("log")
    write_log(folder, LogSettings(days=4, requests=500))
    return feature_rows(read_log(folder)[0])


@pytest.fixture(scope="module")
def ranker(rows: list[FeatureRow]) -> Ranker:
    return train(rows, "sha256:table")


def test_training_again_in_another_process_gives_the_same_bytes(
    rows: list[FeatureRow], ranker: Ranker, tmp_path: Path
) -> None:
    from fixtures.pipeline.feature_table import to_csv

    (tmp_path / "table.csv").write_text(to_csv(rows), encoding="utf-8")
    program = (
        "import sys; from fixtures.pipeline.feature_table import from_csv; from fixtures.pipeline.ranker import train; "
        "sys.stdout.write(train(from_csv(open(sys.argv[1]).read()), 'sha256:table').to_json())"
    )
    again = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "table.csv")],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert ranker.to_json() == again.stdout


def test_a_model_names_the_table_it_was_trained_on_so_two_origins_are_two_models(rows: list[FeatureRow]) -> None:
    assert train(rows, "sha256:one").to_json() != train(rows, "sha256:other").to_json()


def test_it_finds_again_how_users_click(ranker: Ranker) -> None:
    """Truth's coefficients, within what 9,600 impressions with some 5 % clicks can tell."""
    found = dict(zip(FEATURES, ranker.coefficients, strict=True))

    for name, tolerance in (("match", 0.6), ("log_price", 0.25), ("log_age", 0.2), ("log_position", 0.3)):
        assert found[name] == pytest.approx(TRUTH[name], abs=tolerance), name
    assert found["item_click_ratio"] > 0  # the only trace of an item's appeal


def test_it_is_worth_more_than_chance_on_requests_it_has_not_seen(ranker: Ranker, rows: list[FeatureRow]) -> None:
    worth = evaluate(ranker, rows)
    blind = Ranker(FEATURES, (0.0,) * len(FEATURES), ranker.intercept, ranker.trained_on, 1.0)

    assert 0.7 < worth["auc"] < 0.95
    assert 0.5 == evaluate(blind, rows)["auc"]
    assert worth["log_loss"] < evaluate(blind, rows)["log_loss"]
    assert len(rows) == worth["rows_trained"] + worth["rows_held_out"]


def test_its_score_is_the_one_of_the_library_that_fitted_it(ranker: Ranker, rows: list[FeatureRow]) -> None:
    """Coefficients have six digits and scaling is folded in: both together cost less than 0.0001."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    own = [one for one in rows if not held_out(one.request)]
    fitted = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-8, max_iter=1000))
    fitted.fit([one.features for one in own], [one.clicked for one in own])
    expected = fitted.predict_proba([one.features for one in own[:500]])[:, 1]

    assert [ranker.score(one.features) for one in own[:500]] == pytest.approx(list(expected), abs=1e-4)


def test_a_request_is_held_out_as_a_whole_and_a_fifth_of_them_are(rows: list[FeatureRow]) -> None:
    requests = {one.request for one in rows}
    share = sum(map(held_out, requests)) / len(requests)

    assert HELD_OUT == pytest.approx(share, abs=0.03)


def test_rank_score_does_not_know_where_an_item_stood(ranker: Ranker) -> None:
    first, tenth = [0.5, 2.0, 1.0, 0.1, 0.0], [0.5, 2.0, 1.0, 0.1, 2.302585]

    assert ranker.score(first) > ranker.score(tenth)
    assert ranker.rank_score(first) == ranker.rank_score(tenth) == ranker.score(first)


def test_a_ranker_is_read_as_it_was_written_and_another_file_refused(ranker: Ranker) -> None:
    assert ranker == Ranker.from_json(ranker.to_json())
    with pytest.raises(UsageError, match="not a ranker"):
        Ranker.from_json('{"format": "pickle"}')


@pytest.mark.parametrize("clicked", [0, 1])
def test_a_table_with_nothing_to_learn_from_is_refused(rows: list[FeatureRow], clicked: int) -> None:
    with pytest.raises(UsageError, match="nothing to learn from for training"):
        train([one for one in rows if one.clicked == clicked], "sha256:table")


@pytest.mark.parametrize("regularisation", [0.0, -1.0, float("nan")])
def test_a_penalty_that_is_none_is_refused(rows: list[FeatureRow], regularisation: float) -> None:
    with pytest.raises(UsageError, match="regularisation is above 0"):
        train(rows, "sha256:table", regularisation)
