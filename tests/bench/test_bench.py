"""The benchmarks run, count right, and measure against the course's own numbers."""

import json
import sys

import measure
import pytest
import torch
from conftest import ROOT, run_module, run_script
from plain import PlainGPT, PlainTraining

from base.files import find_files, read_text
from base.machine import multiplies_bf16

TINY = ("--n_layer", 1, "--n_head", 2, "--n_embd", 16, "--block_size", 16, "--batch_size", 5)
TINY += ("--corpus", "corpus.txt", "--steps", 1, "--rounds", 2)


@pytest.fixture
def corpus(tmp_path):
    rows = [f"Ann {i} Lee was born in Rome.\n" for i in range(23)]
    (tmp_path / "corpus.txt").write_text("".join(rows))
    return tmp_path


def last_line(done) -> dict:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_plain_twin_reproduces_the_courses_twenty_losses(reference):
    model = PlainGPT(
        **reference["config"], dropout=0.0, synthesizer=reference["variant"] == "synthesizer"
    )
    model.load_state_dict(reference["initial"], strict=True)
    training = PlainTraining(model, **reference["trainer"])
    losses, rates = [], []
    for x, y in zip(reference["x"], reference["y"], strict=True):
        rates.append(training.optimizer.param_groups[0]["lr"])
        losses.append(training.step(x, y))
    expected = reference["losses"], reference["rates"]
    torch.testing.assert_close(torch.tensor(losses).double(), expected[0], rtol=0, atol=1e-5)
    torch.testing.assert_close(torch.tensor(rates).double(), expected[1], rtol=1e-5, atol=0)
    for name, weights in reference["final"].items():
        torch.testing.assert_close(model.state_dict()[name], weights, rtol=0, atol=1e-4)


def test_the_arithmetic_is_that_of_the_products_torch_counts():
    """Rows without padding, but the attention's masked half, which ours leaves out."""
    from torch.utils.flop_counter import FlopCounterMode

    args = measure.argparse.Namespace(n_layer=3, n_embd=22)
    B, T, V = 5, 13, 31
    model = PlainGPT(V, 17, n_layer=3, n_head=2, n_embd=22)
    x = torch.randint(1, V, (B, T))
    with FlopCounterMode(display=False) as counter:
        model(x, x)[1].backward()
    above_diagonal = 12 * 3 * 22 * B * T * T - 6 * 3 * 22 * B * T * (T + 1)
    counted = measure.training_flops(torch.full((B,), T), args, V)
    assert counted == counter.get_total_flops() - above_diagonal


def test_real_lengths_leave_padding_out():
    y = torch.tensor([[3, 4, 0, 0], [1, 2, 5, 0]])
    assert measure.real_lengths([(y, y), (y[:1], y[:1, :3])]).tolist() == [2, 3, 2]


def test_everybody_trains_on_the_same_rows(corpus, monkeypatch):
    import train_step

    monkeypatch.chdir(corpus)
    args = train_step.parser().parse_args([*map(str, TINY), "--device", "cpu"])
    data = measure.load_data(args)
    setting = train_step.Setting("eager", "off")
    names = [n for n in train_step.NAMES if n not in train_step.BUILDERS or train_step.installed(n)]
    contenders = [train_step.build(name, args, data, setting) for name in names]
    assert len(contenders) >= 2
    for i in (0, 3, 4, 9):  # four steps an epoch
        rows = [characters(contender.rows(i)) for contender in contenders]
        assert len(rows[0]) == 5 and all(row == rows[0] for row in rows)


def characters(pieces) -> list:
    """The rows of a batch, where their targets are real, in an order of their own."""
    pairs = [(x, y) for xs, ys in pieces for x, y in zip(xs, ys, strict=True)]
    return sorted((x[y != 0].tolist(), y[y != 0].tolist()) for x, y in pairs)


@pytest.mark.slow
def test_train_step_reports_each_contender(corpus):
    done = run_script("bench/train_step.py", *TINY, "--only", "ours", "plain", cwd=corpus)
    result = last_line(done)
    ours, plain = result["rows"]
    assert (ours["name"], plain["name"]) == ("ours", "plain")
    assert ours["parameters"] == plain["parameters"] > 0
    assert ours["times_the_first"] == 1.0
    assert min(plain["seconds_min"], plain["targets_per_second"], plain["flops"]) > 0
    low, high = plain["times_the_first_range"]
    assert low <= plain["times_the_first"] <= high
    for row in (ours, plain):
        rate = result["product_rates"][row["precision"]]
        assert row["share_of_product_rate"] == pytest.approx(row["flops"] / rate)
    if sys.platform == "linux":
        assert ours["peak_bytes"] > 50e6


@pytest.mark.slow
@pytest.mark.parametrize("name", ["transformers", "x-transformers"])
def test_train_step_tries_the_settings_of_a_peer(corpus, name):
    pytest.importorskip(name.replace("-", "_"))
    done = run_script("bench/train_step.py", *TINY, "--only", name, "--no_compile", cwd=corpus)
    (row,) = last_line(done)["rows"]
    assert row["setting"] in ("eager, not compiled", "sdpa, not compiled")
    assert done.stdout.count("s a step") == 2


@pytest.mark.slow
def test_machine_says_what_ten_minutes_give(corpus):
    (corpus / "births.tsv").write_text("was Ann 1 Lee born\tRome\n")
    options = [value for value in TINY if value not in ("--steps", "--rounds")][:12]
    options += ["--questions", "births.tsv", "--seconds", 0.1, "--device", "cpu"]
    options[options.index("--block_size") + 1] = 48
    done = run_script("bench/machine.py", *options, cwd=corpus, ATEN_CPU_CAPABILITY="avx2")
    result = last_line(done)
    assert "without bfloat16 instructions" in done.stdout and not result["bf16"]
    assert list(result["product_rates"]) == ["float32"]
    assert result["steps_measured"] >= 3 and 0 < result["muon_share"] < 1
    assert result["steps_in_ten_minutes"] == pytest.approx(600 / result["step_seconds"])


@pytest.fixture
def people(tmp_path):
    """A corpus with questions to train on, and to ask."""
    names = [f"Ann {chr(65 + i)}ee" for i in range(20)]
    (tmp_path / "corpus.txt").write_text(
        "".join(f"{n}. {n} was born in Rome. Where was it?\n" for n in names)
    )
    rows = [f"Where was {n} born?\tRome\n" for n in names]
    (tmp_path / "births.tsv").write_text("".join(rows[:12]))
    (tmp_path / "dev.tsv").write_text("".join(rows[12:]))
    return tmp_path


def accelerator(folder, *more):
    options = [value for value in TINY if value not in ("--steps", "--rounds")][:12]
    options[options.index("--block_size") + 1] = 64
    options += ["--steps", 1, "--rounds", 1, "--questions", "births.tsv", "--dev", "dev.tsv"]
    done = run_script("bench/accelerator.py", *options, "--device", "cpu", *more, cwd=folder)
    rows = last_line(done)["rows"]
    written = (folder / "accelerator.jsonl").read_text().splitlines()
    assert [json.loads(row) for row in written] == rows
    return rows


@pytest.mark.slow
def test_accelerator_runs_its_commands_and_keeps_their_order(people):
    """The stages in this process are in test_bench_precision.py; here their commands are real."""
    rows = accelerator(people, "--minutes", 12, "--training_minutes", 0.01,
                       "--only", "answers", "reading", "step")  # fmt: skip
    assert not [row for row in rows if "failed" in row]
    stages = list(dict.fromkeys(row["stage"] for row in rows))
    assert stages == ["machine", "step", "reading", "answers"]
    assert [row["name"] for row in rows[1]["value"]] == ["ours", "plain"]
    values = {row.get("figure"): row["value"] for row in rows}
    assert values["dev"].startswith("Correct:")
    assert values["reading-finetuned"]["questions"] == 8


def test_accelerator_ends_when_its_time_is_up(people):
    rows = accelerator(people, "--minutes", 0.01)
    stages = ["machine", "products", "step", "reading", "knowledge", "answers", "course"]
    assert [row["stage"] for row in rows] == stages
    assert all("skipped" in row for row in rows[1:])


@pytest.fixture
def session(people, monkeypatch):
    """An accelerator session of two minutes, which writes in `people`; no stage has run."""
    import accelerator

    monkeypatch.chdir(people)
    args = ["--corpus=corpus.txt", "--questions=births.tsv", "--dev=dev.tsv", "--device=cpu"]
    made = []
    with monkeypatch.context() as patch:
        patch.setattr(accelerator.Session, "run", lambda session: made.append(session))
        accelerator.main([*args, "--minutes=2"])
    return made[0]


def test_accelerator_keeps_the_figures_before_a_failure(session, people):
    def failing():
        yield "first", 3
        raise measure.UserError("no memory")

    session.args.only = ["answers", "products"]
    session.products, session.answers = failing, lambda: iter([("second", 5)])
    session.run()
    rows = [json.loads(row) for row in (people / "accelerator.jsonl").open()][1:]
    told = [(row["stage"], row.get("value", row.get("failed"))) for row in rows]
    assert told == [("products", 3), ("products", "no memory"), ("answers", 5)]


def test_accelerator_stops_a_command_at_its_stages_share_of_the_time(session, tmp_path):
    (tmp_path / "endless.py").write_text("import time\ntime.sleep(60)\n")
    session.stage_end = 0.0  # long ago, while the session has two minutes
    with pytest.raises(measure.UserError, match="endless.py: its time was up"):
        session.call(str(tmp_path / "endless.py"))
    assert session.left() > 100


def test_accelerator_trains_all_the_courses_epochs_where_they_fit(session):
    assert not session.course_fits()  # no step was measured
    session.step_seconds = 2 * 60 * 0.7 / 650 * 0.9  # 20 documents: one step an epoch
    assert session.course_fits()
    session.step_seconds /= 0.8
    assert not session.course_fits()


def test_what_is_expected_lies_between_measured_runs():
    from machine import expectations, expected_right

    runs = ((100, 10.0), (200, 30.0), (600, 70.0))
    steps = (99, 100, 150, 200, 300, 600, 10**6)
    assert [expected_right(runs, s) for s in steps] == [None, 10, 20, 30, 40, 70, 70]
    assert expected_right(((7, 3.0),), 8) == 3.0
    many = expectations(1648 * 128)  # of which the results have figures: 92.0, 95.8, 69.8 to 81.8
    assert [row["right_per_cent"] for row in many[:2]] == [92.0, 95.8]
    assert 69.8 < many[2]["right_per_cent"] < 81.8
    few = expectations(700 * 64)
    assert [row["steps"] for row in few] == [350, 700, 350]
    assert [row["right_per_cent"] for row in few[:2]] == [None, None]


@pytest.mark.parametrize("source, figures", [
    ("2026-11-27-reading", ("**92.0 %**", "1,507 + 141 steps of 128 rows")),
    ("2026-11-27-quickstart", ("**95.8 %**", "769 + 21")),
    ("2026-11-21-recipe", ("| 310 |", "4.4 %", "| 710 |", "43.0 %", "1,217", "69.8 %", "81.8 %")),
])  # fmt: skip
def test_the_runs_behind_what_is_expected_are_in_the_results(source, figures):
    from machine import MEASURED

    assert f"results/{source}" in [row.source for row in MEASURED]
    text = (ROOT / "results" / source / "README.md").read_text(encoding="utf-8")
    assert all(figure in text for figure in figures)


@pytest.mark.slow
def test_scaling_measures_each_value(corpus):
    options = ("--only", "n_embd", "--values", 8, 16)
    rows = last_line(run_script("bench/scaling.py", *TINY, *options, cwd=corpus))["axes"]["n_embd"]
    assert [row["value"] for row in rows] == [8, 16]
    assert rows[0]["flop_per_token"] < rows[1]["flop_per_token"]
    assert all(0 < row["us_per_token_min"] <= row["us_per_token"] for row in rows)


@pytest.mark.slow
def test_scaling_shares_the_same_tokens_among_processes(corpus):
    options = ("--only", "processes", "--device", "cpu")
    done = run_script("bench/scaling.py", *TINY, *options, cwd=corpus)
    one, two = last_line(done)["axes"]["processes"]
    assert (one["value"], two["value"]) == (1, 2)
    assert one["flop_per_token"] == two["flop_per_token"]
    assert two["us_per_token"] > 0


@pytest.mark.slow
def test_answers_are_timed_beside_the_plain_loops(tmp_path):
    done = run_script("bench/answer.py", "--repeats", 2, cwd=tmp_path)
    result = last_line(done)
    (dev,) = find_files("birth_dev.tsv")
    count = len(read_text(dev).splitlines())
    assert result["questions"] == count and result["plain_questions_timed"] == -(-count // 10)
    assert result["ratio"] == pytest.approx(result["plain_seconds"] / result["ours_seconds"])
    assert result["ratio"] > 2 and result["different_answers"] == result["of_these_near_ties"]
    assert len(result["ours_all_runs"]) == 2
    if sys.platform == "linux":
        assert 100e6 < result["peak_bytes"] < 3e9


@pytest.mark.slow
def test_all_ways_have_the_same_losses(corpus):
    sizes = [value for value in TINY if value not in ("--steps", "--rounds")][:12]
    done = run_script("bench/same_losses.py", *sizes, "--steps", 80, "--seeds", 3, 5, cwd=corpus)
    runs = last_line(done)["runs"]
    ways = ["plain", "fp32", *(["bf16"] if multiplies_bf16(torch.device("cpu")) else [])]
    assert [(run["way"], run["seed"]) for run in runs] == [(w, s) for s in (3, 5) for w in ways]
    for kind in ("training", "unseen"):
        for seed in (3, 5):
            plain, *ours = (run[kind] for run in runs if run["seed"] == seed)
            assert plain < 2.3  # from 3.2: much is learnt, in which a missing update would show
            assert ours == pytest.approx([plain] * len(ours), abs=0.03)
        assert runs[0][kind] != runs[len(ways)][kind]


@pytest.mark.parametrize("name", ["machine", "train_step", "accelerator"])
def test_a_bench_is_a_module_too(name):
    done = run_module(f"bench.{name}", "--help")
    assert done.returncode == 0 and "--n_layer" in done.stdout, done.stderr
