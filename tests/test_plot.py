"""Losses of run folders become a picture; folders that are none become a sentence."""

import json
import math
import sys

import numpy as np
import pytest
from conftest import TINY, run_script

import plot
from base.errors import UserError

matplotlib = pytest.importorskip("matplotlib")
PNG = b"\x89PNG\r\n\x1a\n"


def make_run(folder, losses, tests=(), **config):
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    rows = [
        {"step": i, "loss": x, "positions": 31 * (i + 1), "rate": 0.01 / (i + 1)}
        for i, x in enumerate(losses)
    ]
    for i, loss in tests:
        rows[i]["test_loss"] = loss
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(folder)


def drawn(monkeypatch, *args, **settings):
    """The axes that `plot.draw` fills, kept from the figure that it saves."""
    from matplotlib.figure import Figure

    kept = []
    saved = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda self, *a, **k: (kept.append(self), saved(self, *a, **k))
    )
    plot.draw(*args, **settings)
    return kept[0].axes


def test_each_run_is_drawn_raw_and_smoothed_under_its_name(tmp_path, monkeypatch):
    losses = [5.0, 3.0, 4.0, 2.0, 1.0]
    one = make_run(tmp_path / "a", losses, function="pretrain", variant="vanilla")
    two = make_run(tmp_path / "b-pretrain-rope", [7.0, 6.0], function="pretrain", variant="rope")
    axes, rates = drawn(monkeypatch, [one, two], str(tmp_path / "out.png"), x="positions", window=3)
    raw, mean = axes.lines[:2]
    assert list(raw.get_xdata()) == [31, 62, 93, 124, 155]
    assert list(raw.get_ydata()) == losses
    assert list(mean.get_ydata()) == pytest.approx([4.0, 4.0, 3.0, 7 / 3, 1.5])
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == ["pretrain vanilla", "pretrain rope"]
    assert list(rates.lines[1].get_ydata()) == [0.01, 0.005]
    assert axes.lines[0].get_color() != axes.lines[2].get_color()
    assert (tmp_path / "out.png").read_bytes()[:8] == PNG


def test_names_tell_runs_apart_by_their_seed_and_then_by_their_folder(tmp_path):
    same = {"function": "pretrain", "variant": "rope", "recipe": "course"}
    seeds = [make_run(tmp_path / f"s{i}", [1.0], **same, seed=i) for i in (0, 7)]
    assert plot.run_names(seeds) == ["pretrain rope course seed 0", "pretrain rope course seed 7"]
    again = make_run(tmp_path / "again", [1.0], **same, seed=7)
    assert plot.run_names([*seeds, again])[1:] == [
        "pretrain rope course seed 7 s7", "pretrain rope course seed 7 again",
    ]  # fmt: skip
    bare = tmp_path / "bare"
    bare.mkdir()
    assert plot.run_names([str(bare)]) == ["bare"]


def test_the_first_steps_do_not_hide_the_rest(tmp_path, monkeypatch):
    losses = [900.0, 30.0, *[1.0 + 1.0 / i for i in range(1, 100)]]
    axes, _ = drawn(monkeypatch, [make_run(tmp_path / "r", losses)], str(tmp_path / "o.png"))
    assert axes.get_ylim()[1] < 3


def test_odd_names_and_losses_are_drawn_or_refused(tmp_path):
    odd = make_run(tmp_path / "$x_{$", [2.0, math.nan, 1e308, -1e308, math.inf, 1.0])
    for name in ("out.png", "out.svg"):
        plot.draw([odd], str(tmp_path / name), log=name == "out.png")
        assert (tmp_path / name).stat().st_size > 1000
    for losses in ([math.nan, math.nan], [1e308]):
        run = make_run(tmp_path / str(losses[0]), losses)
        with pytest.raises(UserError, match="nothing to draw"):
            plot.draw([run], str(tmp_path / "none.png"))
    assert not (tmp_path / "none.png").exists()


def test_steps_log_axis_and_test_losses(tmp_path, monkeypatch):
    run = make_run(tmp_path / "r", [3.0, 2.0, 1.0], tests=[(0, 3.5), (2, 1.5)])
    axes, _ = drawn(monkeypatch, [run], str(tmp_path / "out.png"), log=True)
    assert axes.get_yscale() == "log"
    assert list(axes.lines[0].get_xdata()) == [0, 1, 2]
    assert list(axes.lines[2].get_xdata()) == [0, 2]
    assert list(axes.lines[2].get_ydata()) == [3.5, 1.5]


@pytest.mark.parametrize("window", [1, 2, 3, 7, 100])
def test_smoothing_is_the_mean_of_the_finite_neighbours(window):
    values = np.random.default_rng(0).normal(size=23)
    values[[4, 5]] = math.nan, math.inf
    expected = []
    for i in range(len(values)):
        near = values[max(0, i - (window - 1) // 2) : i + window // 2 + 1]
        near = near[np.isfinite(near)]
        expected.append(near.mean() if len(near) else math.nan)
    np.testing.assert_allclose(plot.smooth(values, window), expected, atol=1e-12)


def test_a_line_that_a_kill_cut_off_is_left_out(tmp_path):
    run = make_run(tmp_path / "r", [3.0, 2.0])
    with open(tmp_path / "r" / "metrics.jsonl", "a") as file:
        file.write('{"step": 2, "lo')
    assert [row["loss"] for row in plot.read_metrics(run)] == [3.0, 2.0]


@pytest.mark.parametrize(
    "content, says",
    [(None, "no such file"), ("", "no step"), ("{}\n", "row 1"), ("[1]\n", "row 1")],
)
def test_folders_without_metrics_end_in_a_sentence(tmp_path, content, says):
    if content is not None:
        (tmp_path / "metrics.jsonl").write_text(content)
    with pytest.raises(UserError, match=says):
        plot.draw([str(tmp_path)], str(tmp_path / "out.png"))
    assert not (tmp_path / "out.png").exists()


def test_of_several_folders_those_without_metrics_are_left_out(tmp_path, capsys):
    runs = [make_run(tmp_path / "r", [2.0, 1.0]), str(tmp_path / "lab"), str(tmp_path / "killed")]
    for folder in runs[1:]:
        (tmp_path / folder).mkdir()
    (tmp_path / "killed" / "metrics.jsonl").write_text('{"step": 0, "lo')
    plot.draw(runs, str(tmp_path / "out.png"))
    assert (tmp_path / "out.png").exists()
    said = capsys.readouterr().out
    assert said == "".join(f"{folder}: left out, it has no metrics\n" for folder in runs[1:])
    with pytest.raises(UserError, match="lab.*no such file"):
        plot.draw(runs[1:], str(tmp_path / "none.png"))
    with pytest.raises(UserError, match="tpyo.*no such file"):
        plot.draw([*runs, str(tmp_path / "tpyo")], str(tmp_path / "none.png"))


def test_a_missing_matplotlib_ends_in_advice(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(UserError, match="pip install matplotlib"):
        plot.draw([make_run(tmp_path / "r", [1.0])], str(tmp_path / "out.png"))


def test_an_unknown_picture_format_is_refused(tmp_path):
    with pytest.raises(UserError, match="suffix .docx"):
        plot.draw([make_run(tmp_path / "r", [1.0])], str(tmp_path / "out.docx"))
    assert not list(tmp_path.glob("out*"))


def test_the_command_draws_a_run_that_the_trainer_wrote(tmp_path):
    (tmp_path / "corpus.txt").write_text("Ann was born in Rome.\nBob was born in Paris.\n" * 5)
    sizes = [word for word in TINY if word != "--no_log"]
    done = run_script(
        "src/run.py", "pretrain", "vanilla", "corpus.txt", "--writing_params_path", "p.params",
        "--block_size", 32, "--max_epochs", 3, "--batch_size", 4, *sizes, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (run,) = (tmp_path / "runs").iterdir()
    done = run_script("src/plot.py", run, "-o", "losses.png", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "losses.png").read_bytes()[:8] == PNG
    done = run_script("src/plot.py", tmp_path / "none", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
