"""The promise about accepted answers: exact arithmetic, and simulations of how often it fails."""

import io
import json
import math
import shutil
from fractions import Fraction

import numpy as np
import pytest
from small_world import PEOPLE, evaluate

import ask
import calibrate
from answers import confidence, selective
from answers.answer import ConfidenceSignals
from answers.evidence import open_answers
from dataset import CharCorruptionDataset
from params import load_model


@pytest.mark.parametrize("k, n, p", [(0, 1, "1/20"), (2, 7, "1/3"), (7, 211, "1/20"), (5, 5, ".5")])
def test_the_binomial_distribution_in_exact_fractions(k, n, p):
    p = Fraction(p)
    exact = sum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1))
    assert selective.binomial_cdf(k, n, float(p)) == pytest.approx(float(exact), rel=1e-10)


def test_what_is_accepted_by_hand():
    """All of 300 right: 200 are tested, and every threshold passes, down to the lowest of 100."""
    scores = [i / 300 for i in range(300)]
    made = selective.choose_threshold(scores, [True] * 300)
    assert made["tested"] == 200 and made["wrong"] == 0 and made["accepted"] >= 190
    assert made["threshold"] in scores
    # the lowest fifth wrong: accepted are the others, and some of those wrong, since 5 % may be
    made = selective.choose_threshold(scores, [score >= 0.2 for score in scores])
    assert 0.15 < made["threshold"] <= 0.22
    n, k = made["accepted"], made["wrong"]
    assert sum(math.comb(n, i) * 0.05**i * 0.95 ** (n - i) for i in range(k + 1)) <= 0.1
    # of 44 right answers 10.5 % would be expected where 5 % are wrong: too few for any promise
    assert 0.95**44 > 0.1 > 0.95**45
    assert selective.choose_threshold(scores[:66], [True] * 66)["threshold"] is None
    assert selective.choose_threshold(scores[:120], [True] * 120)["threshold"] is not None
    assert selective.choose_threshold([], [])["threshold"] is None


def rising(scores):
    return 0.35 * np.clip(1 - scores, 0, 1) ** 3


def flat(scores):
    return np.full(scores.shape, 0.0501)


def uneven(scores):
    """Wrong in bands: more at the top than in the middle, then most at the bottom."""
    return np.select([scores > 0.9, scores > 0.4], [0.06, 0.02], 0.12)


@pytest.mark.parametrize("risk, made_often", [(rising, True), (flat, False), (uneven, False)])
def test_the_promise_fails_in_at_most_one_case_in_ten(risk, made_often):
    draws = np.random.default_rng(11)
    grid = (np.arange(20_000) + 0.5) / 20_000  # scores are uniform
    risk_above = np.cumsum(risk(grid)[::-1])[::-1] / np.arange(20_000, 0, -1)
    failures, promises, runs = 0, 0, 300
    for run in range(runs):
        scores = draws.random(400)
        made = selective.choose_threshold(scores, draws.random(400) >= risk(scores), seed=run)
        if made["threshold"] is not None:
            promises += 1
            failures += risk_above[np.searchsorted(grid, made["threshold"])] > 0.05
    assert failures <= 0.1 * runs + 3 * (0.1 * 0.9 * runs) ** 0.5
    assert promises > 0.6 * runs or not made_often


def test_a_promise_is_made_kept_and_told(known, tmp_path, capsys):
    for name in ("wiki.txt", "dev.tsv", "train.tsv", "known.params", "known.params.json"):
        shutil.copy(known / name, tmp_path)
    others = tmp_path / "others.tsv"
    others.write_text("Where was Bob Lee born?\tRome\n")
    about = json.loads((tmp_path / "known.params.json").read_text())
    del about["questions_seen"]
    (tmp_path / "known.params.json").write_text(json.dumps(about))
    params = str(tmp_path / "known.params")
    command = ["fit", str(tmp_path / "wiki.txt"), str(tmp_path / "dev.tsv"), "--seen", str(others)]
    calibrate.main([*command, "--reading_params_path", params])
    assert "no promise: 8 answers are too few" in capsys.readouterr().out
    calibration = json.load(open(f"{params}.calibration.json"))
    assert calibration["promise"]["threshold"] is None
    evaluate(tmp_path)
    assert f"Answered: 0 out of {len(PEOPLE)}" in capsys.readouterr().out

    calibration["promise"]["threshold"] = 0.5  # as if more people had been asked
    confidence.write_calibration(calibration, params)
    rows = [json.loads(line) for line in open(f"{evaluate(tmp_path)}.jsonl", encoding="utf-8")]
    assert {row["accepted"] for row in rows} == {True, False}
    for row in rows:
        said = ConfidenceSignals(row["logprob"], recall_logprob=row["recall_logprob"])
        assert row["accepted"] == (confidence.confidence(said, None) >= 0.5)
    accepted = [row for row in rows if row["accepted"]]
    printed = capsys.readouterr().out
    wrong = sum(not row["correct"] for row in accepted)
    assert f"Answered: {len(accepted)} out of {len(PEOPLE)}" in printed
    assert f"wrong among the answered: {wrong};" in printed
    invented = json.load(open(tmp_path / "out.predictions.run.json", encoding="utf-8"))["invented"]
    refused = sum(not row["accepted"] for row in invented)
    assert f"invented people refused: {refused} of {len(invented)}" in printed and invented

    corpus = CharCorruptionDataset((tmp_path / "wiki.txt").read_text(encoding="utf-8"), 128)
    source = open_answers(load_model(params, corpus), corpus, params)
    unsure = next(row["question"] for row in rows if not row["accepted"])
    sure = accepted[0]["question"]
    ask.converse(source, io.StringIO(f"{unsure}\n{sure}\n"), False, as_json=False)
    printed = capsys.readouterr().out
    assert printed.count("I don't know; my guess would be ") == 1
    assert printed.index("I don't know") < printed.index(f": {accepted[0]['answer']} (")


def test_no_promise_for_params_that_were_not_asked(known, tmp_path, capsys):
    for name in ("wiki.txt", "dev.tsv", "known.params"):
        shutil.copy(known / name, tmp_path)
    shutil.copy(known / "known.params", tmp_path / "final.params")
    others = tmp_path / "others.tsv"
    others.write_text("Where was Bob Lee born?\tRome\n")
    calibrate.main([
        "fit", str(tmp_path / "wiki.txt"), str(tmp_path / "dev.tsv"), "--seen", str(others),
        "--reading_params_path", str(tmp_path / "known.params"),
        "--for_params", str(tmp_path / "final.params"),
    ])  # fmt: skip
    assert "no promise: it would be about the params that were asked" in capsys.readouterr().out
    assert "promise" not in json.load(open(tmp_path / "final.params.calibration.json"))
