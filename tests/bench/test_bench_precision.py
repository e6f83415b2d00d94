"""Without bfloat16 instructions no bench computes in half precision: each runs in this process,
at a tiny size, while every operator is watched."""

import contextlib
import importlib
import importlib.util
import io
import json

import measure
import pytest
import small_world
from test_half_precision import watched  # noqa: F401  (a fixture)

TINY = ["--n_layer=1", "--n_head=2", "--n_embd=16", "--block_size=64", "--batch_size=5"]
TINY += ["--device=cpu"]
ROUNDS = ["--steps=1", "--rounds=1"]


@pytest.fixture
def world(watched, tmp_path, monkeypatch):  # noqa: F811
    """A folder with a corpus and questions under the course's names; products are small."""
    corpus = [f"{name}. {name} was born in {place}. A life." for name, place in small_world.PEOPLE]
    (tmp_path / "wiki.txt").write_text("\n".join([*corpus, "Where was it?"]), encoding="utf-8")
    for file, people in (
        ("birth_places_train.tsv", small_world.LEARNT),
        ("birth_dev.tsv", small_world.PEOPLE),
    ):
        (tmp_path / file).write_text(small_world.rows_of(people), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(measure, "EDGE", 32)
    return tmp_path


def output_of(bench: str, *options: str) -> dict:
    """The JSON of a bench's last line, when its `main` has run here."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        importlib.import_module(bench).main([*options])
    return json.loads(printed.getvalue().splitlines()[-1])


def test_train_step(world, monkeypatch):
    train_step = importlib.import_module("train_step")
    monkeypatch.setattr(train_step, "in_own_process", train_step.alone)  # where nothing watches
    result = output_of("train_step", *TINY, *ROUNDS, "--only", "ours", "plain")
    assert [row["precision"] for row in result["rows"]] == ["float32", "float32"]


def if_installed(name: str):
    missing = importlib.util.find_spec(name.replace("-", "_")) is None
    return pytest.param(name, marks=pytest.mark.skipif(missing, reason=f"no {name} here"))


@pytest.mark.slow
@pytest.mark.parametrize("peer", [if_installed("transformers"), if_installed("x-transformers")])
def test_train_step_of_a_peer(world, monkeypatch, peer):
    train_step = importlib.import_module("train_step")
    monkeypatch.setattr(train_step, "in_own_process", train_step.alone)
    options = ["--trial_steps=1", "--no_compile", "--only", peer]
    (row,) = output_of("train_step", *TINY, *ROUNDS, *options)["rows"]
    assert row["precision"] == "float32"


def test_same_losses(world):
    result = output_of("same_losses", *TINY, "--steps=2", "--seeds", "3")
    assert [run["way"] for run in result["runs"]] == ["plain", "fp32"]


def test_scaling(world):
    options = ["--only", "n_embd", "--values", "8", "16"]
    result = output_of("scaling", *TINY, *ROUNDS, *options)
    assert len(result["axes"]["n_embd"]) == 2


def test_answer(world):
    import run

    sizes = ["--n_layer=1", "--n_head=2", "--n_embd=16", "--max_epochs=1", "--no_log"]
    run.main(["finetune", "vanilla", "wiki.txt", "--finetune_corpus_path=birth_places_train.tsv",
              "--writing_params_path=p.params", "--device=cpu", *sizes])  # fmt: skip
    options = ["--reading_params_path=p.params", "--repeats=1", "--device=cpu"]
    assert output_of("answer", *options)["questions"] == len(small_world.PEOPLE)


def test_machine(world):
    result = output_of("machine", *TINY, "--seconds=0.01")
    assert list(result["product_rates"]) == ["float32"] and not result["bf16"]


@pytest.fixture
def in_this_process(monkeypatch):
    """The accelerator's commands run here, where they are watched; their names as they come."""
    accelerator = importlib.import_module("accelerator")
    train_step = importlib.import_module("train_step")
    commands = []

    def call(session, script, *options):
        commands.append(script if "run.py" not in script else f"{script} {options[0]}")
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            module = importlib.import_module(script.split("/")[1].removesuffix(".py"))
            module.main([*options, "--device=cpu"])
        return printed.getvalue()

    monkeypatch.setattr(accelerator.Session, "call", call)
    monkeypatch.setattr(accelerator, "installed", lambda name: False)
    monkeypatch.setattr(train_step, "in_own_process", train_step.alone)
    return commands


FIGURES = [
    ("machine", None), ("products", "float32"), ("step", "plain"),
    ("step", "transformers"), ("step", "x-transformers"),
    ("reading", "pretrain seconds"), ("reading", "finetune seconds"), ("reading", "dev"),
    ("knowledge", "pretrain seconds"), ("knowledge", "finetune seconds"), ("knowledge", "dev"),
    ("answers", "reading-finetuned"),
    ("course", "all epochs"), ("course", "pretrain seconds"), ("course", "finetune seconds"),
    ("course", "dev"),
]  # fmt: skip


def test_accelerator(world, in_this_process):
    options = [*TINY, *ROUNDS, "--minutes=5", "--training_minutes=0.0005"]
    rows = output_of("accelerator", *options)["rows"]
    assert not [row for row in rows if "failed" in row]
    assert [(row["stage"], row.get("figure")) for row in rows] == FIGURES
    assert rows == [json.loads(row) for row in (world / "accelerator.jsonl").open()]
    assert [row["value"] for row in rows[3:5]] == ["not installed"] * 2
    assert all(row["value"].startswith("Correct") for row in rows if row.get("figure") == "dev")
    run = "src/run.py "
    recipe = [run + "pretrain", run + "finetune", run + "evaluate"]
    assert in_this_process == [
        "bench/train_step.py", *recipe, *recipe, "bench/answer.py", *recipe
    ]  # fmt: skip
