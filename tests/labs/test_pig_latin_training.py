"""labs/pig_latin: FLOPs, training, early stopping, the four runs, translate."""

import json

import pytest
import torch
from conftest import run_module
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from base.errors import UserError
from labs.common import flops as common_flops
from labs.pig_latin import flops
from labs.pig_latin.arm import exact_match, save
from labs.pig_latin.data import Batch, Buckets, padded_batch, pairs_path, read_pairs, split
from labs.pig_latin.model import EncoderDecoder, Sizes, translate
from labs.pig_latin.rule import translate_word
from labs.pig_latin.train import Run, Training, validation_loss
from labs.pig_latin.translate import MODEL, load
from model import GPT, GPTConfig

B, S, T = 2, 5, 7
PAIRS = read_pairs(pairs_path("small"))[:101]


def test_flops_of_the_encoder_decoder_are_those_counted():
    model = EncoderDecoder(Sizes(11, layers=3))
    batch = Batch(torch.randint(27, (B, S)), torch.randint(27, (B, T)))
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):  # no recomputing
        model.losses(batch).sum().backward()
    assert counter.get_total_flops() == B * flops.encoder_decoder(model.sizes, S, T)


def test_flops_of_the_gpt_are_those_counted():
    model = GPT(GPTConfig(13, 11, n_layer=3, n_head=2, n_embd=14))
    idx = torch.randint(1, 13, (B, T))
    with FlopCounterMode(display=False) as counter:
        model(idx, idx)[1].backward()
    assert counter.get_total_flops() == B * common_flops.gpt(14, 3, 13, T)


def trained(**how) -> Run:
    torch.manual_seed(0)
    train, held = split(PAIRS, 0)
    run = Run(EncoderDecoder(Sizes(16, layers=1)), train, held, Training(7, **how))
    run.run()
    return run


def test_the_loss_falls_and_the_best_weights_are_kept():
    run = trained(epochs=6, learning_rate=3e-3)
    losses = [row["validation"] for row in run.curve]
    assert len(run.curve) == 6 and losses[-1] < losses[0]
    assert validation_loss(run.model, run.validation)["validation"] == pytest.approx(min(losses))
    assert run.optimizer.param_groups[0]["lr"] == pytest.approx(3e-3 * 0.99**6)


def test_it_stops_when_the_loss_no_longer_falls():
    run = trained(epochs=50, learning_rate=0.3, patience=2)  # much too fast to learn anything
    losses = [row["validation"] for row in run.curve]
    best = losses.index(min(losses))
    assert len(losses) == best + 3 < 50


def test_a_run_ends_when_its_flops_are_spent():
    one = flops.encoder_decoder(Sizes(16, layers=1), 9, 11) * 7  # of a step, about
    run = trained(epochs=999, patience=999, marks=[10 * one, 20 * one, 30 * one])
    assert len(run.curve) == 3
    assert all(
        mark <= row["flops"] <= mark + 4 * one
        for mark, row in zip(run.how.marks, run.curve, strict=True)
    )


def test_padded_batches_are_full():
    run = trained(epochs=1, padded=True, measure_every=3)
    assert run.steps == 12 and run.examples == 80 and len(run.curve) == 4


def test_padding_changes_no_validation_loss():
    model, held = EncoderDecoder(Sizes(16, layers=1)), PAIRS[:20]
    found = [validation_loss(model, batches)["validation"]
             for batches in ([padded_batch(held)], Buckets(held).batches(4))]  # fmt: skip
    assert found[0] == pytest.approx(found[1], rel=1e-5)


def test_a_target_ends_the_run():
    assert len(trained(epochs=50, target=2.9).curve) < 50


def test_equal_settings_give_equal_runs():
    assert [r["validation"] for r in trained(epochs=2).curve] == [
        r["validation"] for r in trained(epochs=2).curve
    ]


def test_exact_match_by_kind():
    words = ["impress", "yellow", "plan", "quick", "well-known", "the"]
    pairs = [(word, translate_word(word)) for word in words]
    wrong = [translate_word(word) for word in words]
    wrong[2] = "planay"
    assert exact_match(lambda asked: wrong, pairs) == {
        "all": [5, 6], "vowel": [1, 1], "consonant": [1, 1], "cluster": [1, 2], "qu": [1, 1],
        "dash": [1, 1],
    }  # fmt: skip


@pytest.fixture(scope="module")
def own_pairs(tmp_path_factory):
    path = tmp_path_factory.mktemp("pairs") / "own.txt"
    path.write_text("".join(f"{a} {b}\n" for a, b in PAIRS), encoding="utf-8")
    return path


@pytest.mark.slow
def test_the_runs_write_tables_models_and_figures(own_pairs, tmp_path):
    command = ("--only", "32-large", "--pairs", own_pairs, "--epochs", 2, "--out", tmp_path)
    done = run_module("labs.pig_latin", *command)
    assert done.returncode == 0, done.stdout + done.stderr
    folder = tmp_path / "32-large-seed0"
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    assert len(result["curve"]) == len(result["sentences"]) == 2
    assert result["exact"]["all"][1] == 21
    assert all(len(sentence.split()) <= 5 for sentence in result["sentences"])
    table = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert f"| 32 | {own_pairs} | 1 | 37,661 |" in table
    rows = (tmp_path / "sentences.md").read_text(encoding="utf-8").splitlines()[2:]
    assert rows == [f"| {n} | {words} |" for n, words in enumerate(result["sentences"], 1)]
    again = run_module("labs.pig_latin", *command)
    assert "1 of 1 runs are there" in again.stdout
    said = run_module("labs.pig_latin.translate", "the plan", "--model", folder / "best.pt")
    assert said.returncode == 0 and len(said.stdout.splitlines()) == 1, said.stderr


def test_a_pairs_file_with_a_missing_column_is_one_sentence(tmp_path):
    path = tmp_path / "pairs.txt"
    path.write_text("the ethay\nplan\n", encoding="utf-8")
    done = run_module("labs.pig_latin", "--pairs", path, "--out", tmp_path / "out")
    assert done.returncode == 2 and not (tmp_path / "out").exists()
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert "line 2: 1 columns" in done.stderr


def test_the_model_that_comes_with_the_lab_has_learnt_something():
    held = split(read_pairs(pairs_path("large")), 0)[1][:200]
    model = load(MODEL)
    right, asked = exact_match(lambda words: translate(model, words), held)["all"]
    assert right / asked > 0.8


def test_translate_reads_a_pipe_and_refuses_other_letters(tmp_path):
    model = EncoderDecoder(Sizes(8))
    save(model, tmp_path / "m.pt")
    ask = ("labs.pig_latin.translate", "--model", tmp_path / "m.pt")
    done = run_module(*ask, stdin="the plan\n\nquick\n")
    assert done.returncode == 0 and len(done.stdout.split("\n")) == 4, done.stderr
    done = run_module(*ask, "Caf\u00e9")
    assert done.returncode == 2 and "the words: the character 'C'" in done.stderr
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pt")
    with pytest.raises(UserError, match="no model of this lab"):
        load(str(tmp_path / "other.pt"))
