"""labs/pig_latin: the decoder alone, and steps by batch size."""

import pytest
import torch
from conftest import run_module

from labs.pig_latin import batch_size, decoder_only
from labs.pig_latin.data import EOP, EOS, SOS, encode, pairs_path, read_pairs
from model import GPT

PAIRS = read_pairs(pairs_path("small"))[:101]


def test_tensors_for_training():
    source, target = torch.tensor([[1, 2, EOP], [3, 4, EOP]]), torch.tensor([[5, EOS], [6, EOS]])
    x, y = decoder_only.generate_tensors_for_training_decoder_nmt(source, target, SOS)
    assert x.tolist() == [[SOS, 1, 2, EOP, 5], [SOS, 3, 4, EOP, 6]]
    assert y.tolist() == [[1, 2, EOP, 5, EOS], [3, 4, EOP, 6, EOS]]


def test_the_loss_is_of_the_translation_alone():
    x, y = decoder_only.row_of("plan", "anplay")
    assert (x - 1).tolist() == [SOS, *encode("plan"), EOP, *encode("anplay")]
    assert y[:5].tolist() == [GPT.ignore_index] * 5
    assert (y[5:] - 1).tolist() == [*encode("anplay"), EOS]
    assert len(x) == len(y)


def test_padding_changes_no_loss():
    torch.manual_seed(0)
    model = decoder_only.build_gpt(8, 2).eval()
    pairs = [("a", "away"), ("plan", "anplay"), ("well-known", "ellway-ownknay")]
    counts = [len(translation) + 1 for _, translation in pairs]
    alone = [decoder_only.gpt_loss(model, decoder_only.Rows([pair])) for pair in pairs]
    expected = sum(n * loss for n, loss in zip(counts, alone, strict=True)) / sum(counts)
    assert decoder_only.gpt_loss(model, decoder_only.Rows(pairs)) == pytest.approx(expected, 1e-5)


def test_the_gpt_has_as_many_parameters():
    model = decoder_only.build_gpt(12, 3)
    count = sum(p.numel() for p in model.parameters())
    assert count == decoder_only.gpt_parameters(12, 3)
    found = decoder_only.gpt_of(142_877, 3)
    assert sum(p.numel() for p in found.parameters()) == pytest.approx(142_877, rel=0.07)


def test_translations_are_what_the_gpt_writes_next():
    torch.manual_seed(0)
    model = decoder_only.build_gpt(8, 1).eval()
    words = ["a", "quick"]
    for word, translation in zip(words, decoder_only.gpt_translate(model, words), strict=True):
        x, y = decoder_only.row_of(word, translation)
        letters = encode(translation)
        following = model(x[None])[0][0].argmax(-1)[len(word) + 1 :].tolist()
        assert following[: len(letters)] == [letter + 1 for letter in letters]


@pytest.mark.parametrize("kind", decoder_only.KINDS)
def test_a_run_spends_its_flops_and_learns(kind, tmp_path):
    path = tmp_path / "pairs.txt"
    path.write_text("".join(f"{a} {b}\n" for a, b in PAIRS), encoding="utf-8")
    settings = decoder_only.Settings(kind, 4e8, 16, 1, str(path), 8, learning_rate=3e-3)
    result = decoder_only.run(settings)
    curve = result["curve"]
    assert curve[-1]["flops"] == pytest.approx(4e8, rel=0.15)
    assert min(row["validation"] for row in curve) < curve[0]["validation"]
    assert result["exact"]["all"][1] == 21 and result["tokens_per_second"] > 0


def test_the_gpt_is_measured_at_equal_distances():
    model = decoder_only.build_gpt(8, 1)
    per_row = sum(decoder_only.Rows(PAIRS[:80]).flops(model)) / 80
    settings = decoder_only.Settings("decoder", 27 * 8 * per_row, batch_size=8)  # of 27 steps
    curve = decoder_only.train_gpt(model, PAIRS[:80], PAIRS[80:], settings)
    assert [row["examples"] for row in curve] == list(range(16, 12 * 16 + 1, 16))


def test_losses_are_compared_at_equal_flops_and_examples():
    def run(kind, flops, examples, losses):
        rows = zip(flops, examples, losses, strict=True)
        curve = [{"flops": f, "examples": e, "validation": v} for f, e, v in rows]
        return {"kind": kind, "curve": curve}

    runs = [run("a", [0, 10], [0, 5], [3.0, 1.0]), run("b", [0, 20], [0, 4], [3.0, 2.0])]
    assert decoder_only.at_equal(runs, "flops") == {"a": [1.0], "b": [2.5]}
    assert decoder_only.at_equal(runs, "examples") == {"a": [pytest.approx(1.4)], "b": [2.0]}


def test_the_step_at_which_a_loss_is_reached():
    curve = [{"steps": 10, "validation": 3.0}, {"steps": 20, "validation": 2.0}]
    assert batch_size.crossing(curve, 2.25) == pytest.approx(17.5)
    assert batch_size.crossing(curve, 3.5) == 10 and batch_size.crossing(curve, 1.0) is None


def test_the_best_rate_of_each_batch_size():
    rows = [(8, 0.1, 50), (8, 0.2, 40), (8, 0.4, None), (16, 0.1, 30), (16, 0.1, 20)]
    found = batch_size.best(
        [{"batch_size": b, "learning_rate": r, "steps": s} for b, r, s in rows]
    )
    assert [(r["batch"], r["rate"], r["steps"]) for r in found] == [(8, 0.2, 40), (16, 0.1, 25)]


@pytest.mark.slow
def test_both_commands_write_tables_and_figures(tmp_path):
    path = tmp_path / "pairs.txt"
    path.write_text("".join(f"{a} {b}\n" for a, b in PAIRS), encoding="utf-8")
    done = run_module("labs.pig_latin.decoder_only", "--flops", "5e8", "--hidden", 16, "--pairs",
                      path, "--out", tmp_path / "d")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "| decoder |" in (tmp_path / "d" / "table.md").read_text(encoding="utf-8")
    done = run_module("labs.pig_latin.batch_size", "--batches", 64, 128, 256, "--rates", "8e-3",
                      "--hidden", 16, "--target", 2.9, "--out", tmp_path / "b")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "critical batch size" in (tmp_path / "b" / "table.md").read_text(encoding="utf-8")
