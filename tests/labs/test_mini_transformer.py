"""The mini transformer: its data, its perplexities, its command and its table."""

import importlib.util
import json
import math

import pytest
import torch
import torch.nn.functional as F
from conftest import ROOT, run_module

from attention import VARIANTS
from base.errors import UserError
from labs.mini_transformer import text
from labs.mini_transformer.text import Vocabulary

LINES = [f"the {a} {b} sees the {a} ." for a in ("old", "new", "red") for b in ("dog", "cat")] * 3


@pytest.fixture(autouse=True)
def registered():
    """The lab's variants, in the registry for these tests alone."""
    from labs.mini_transformer import variant

    variant.ensure_registered()
    yield
    for name in variant.ENTRIES:
        del VARIANTS[name]


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("\n".join(LINES) + "\n", encoding="utf-8")
    return path


# -- data ------------------------------------------------------------------------------------------


def test_the_vocabulary_has_what_was_seen_three_times():
    vocabulary = Vocabulary([["a", "b", "a"], ["a", "b", "c", "b"]])
    assert vocabulary.tokens == ["<pad>", "<start>", "<stop>", "<unk>", "a", "b"]
    assert vocabulary.encode(["b", "c", "a"]) == [1, 5, 3, 4, 2]
    assert vocabulary.decode([5, 3, 4, 2, 4]) == "b <unk> a"


def test_a_word_that_looks_like_a_special_token_is_unknown():
    vocabulary = Vocabulary([["<stop>"] * 3])
    assert vocabulary.encode(["<pad>"]) == [text.START, text.UNK, text.STOP]


def test_rows_are_cut_and_their_targets_are_the_next_tokens():
    rows = text.sentence_rows([["a"] * 200, ["a"] * 3], Vocabulary([["a"] * 203]))
    x, y = rows[1]
    assert x.tolist() == [1, 4, 4, 4] and y.tolist() == [4, 4, 4, 2]
    assert len(rows[0][0]) == text.LENGTH - 1 == rows.row_length
    (short, _), (long, targets) = rows.batch(torch.tensor([0, 1]), 0, "cpu", parts=2)
    assert short.shape == (1, 4) and long.shape == targets.shape == (1, 99)


def test_streams_hold_every_token_once_and_may_overlap():
    sentences = [["a"] * n for n in (2, 3, 5)]
    whole = [n for s in sentences for n in Vocabulary(sentences).encode(s)]
    rows = text.stream_rows(sentences, Vocabulary(sentences), 5, 5)
    assert [n for x, _ in rows for n in x.tolist()] == whole[:15] and len(whole) == 16
    assert rows[0][1].tolist() == whole[1:6]
    assert len(text.stream_rows(sentences, Vocabulary(sentences), 5, 2)) == 6
    with pytest.raises(ValueError, match="too few for streams of 17"):
        text.stream_rows(sentences, Vocabulary(sentences), 17, 1)


def test_phrases_of_a_sentence_are_left_out(tmp_path):
    path = tmp_path / "train.tsv"
    rows = ["a fine film", "film", "fine", "a fine film .", "fine a", "a fine film ."]
    path.write_text("sentence\tlabel\n" + "".join(f"{row} \t1\n" for row in rows))
    assert text.read(str(path)) == [["a", "fine", "film", "."], ["fine", "a"]]


def test_the_embedded_world_is_held_out_in_part():
    train, dev = text.load(None, None)
    assert len(dev) == (len(train) + len(dev)) // 10
    assert dev[0] == text.world()[9] and dev[0] != train[9]


# -- measuring -------------------------------------------------------------------------------------


def small_model(variant="vanilla"):
    from model import GPT, GPTConfig

    torch.manual_seed(3)
    return GPT(GPTConfig(7, 13, variant=variant, n_layer=2, n_head=3, n_embd=15)).eval()


def test_both_perplexities_are_what_they_say():
    from labs.mini_transformer.train import perplexities

    model, rows = small_model(), text.Rows([[1, 4, 5, 6, 2], [1, 4, 2], [1, 6, 6, 2]])
    sums, counts = [], []
    for x, y in rows:
        sums.append(F.cross_entropy(model(x[None])[0][0], y, reduction="sum").item())
        counts.append(len(y))
    found = perplexities(model, rows)
    assert found["per token"] == pytest.approx(math.exp(sum(sums) / sum(counts)), rel=1e-4)
    mean = sum(math.exp(s / n) for s, n in zip(sums, counts, strict=True)) / 3
    assert found["per document"] == pytest.approx(mean, rel=1e-4)


def test_losses_are_in_the_rows_order_and_only_where_they_are_wanted():
    from labs.mini_transformer.train import losses

    model, rows = small_model(), text.Rows([[1, 4, 5, 6, 2], [1, 4, 2], [1, 6, 6, 2]])
    table = losses(model, rows)
    assert (~table.isnan()).sum(1).tolist() == [4, 2, 3]
    for row, (x, y) in zip(table, rows, strict=True):
        alone = F.cross_entropy(model(x[None])[0][0], y, reduction="none")
        torch.testing.assert_close(row[: len(y)], alone)
    wanted = torch.tensor([False, True, False, True])
    part = losses(model, rows, wanted)
    assert part[:, ~wanted].isnan().all()
    torch.testing.assert_close(part[:, wanted], table[:, wanted], equal_nan=True)


def test_token_by_token_is_one_pass_unless_a_layer_sees_the_future():
    from labs.mini_transformer import train

    rows = text.Rows([[1, 4, 5, 6, 2], [1, 4, 2], [1, 6, 6, 2]])
    for variant, future in (("vanilla", False), ("zero-after-softmax", True)):
        model = small_model(variant)
        for parameter in model.parameters():
            parameter.data *= 5  # far from uniform
        singly = train.perplexity_token_by_token(model, rows)
        together = train.perplexities(model, rows)["per token"]
        assert train.sees_the_future(model) == future
        assert (singly == pytest.approx(together, rel=1e-4)) != future


def test_positions_are_measured_where_they_stand():
    from labs.mini_transformer import train

    class Counter(torch.nn.Module):
        """At position t it gives the target a probability of about 1 / (t + 2)."""

        def __init__(self):
            super().__init__()
            self.nothing = torch.nn.Parameter(torch.zeros(1))

        def hidden(self, x):
            return torch.arange(1.0, x.shape[1] + 1).expand(x.shape)

        def head(self, count):
            logits = torch.full((*count.shape, 7), -1e9)
            logits[..., 4], logits[..., 5] = 0, count.log()
            return logits

    found = train.perplexity_by_position(Counter(), text.Rows([[4] * 401] * 3))
    assert list(found) == ["100", "150", "200", "400"]
    assert 77 < found["100"] < 101 and 377 < found["400"] < 401


# -- commands --------------------------------------------------------------------------------------


def test_the_command_trains_measures_writes_and_draws(corpus, tmp_path):
    out = tmp_path / "out"
    args = ("--train", corpus, "--steps", 30, "--samples", 3, "--out", out)
    done = run_module("labs.mini_transformer", *args)
    assert done.returncode == 0, done.stderr
    found = json.loads((out / "result.json").read_text())
    assert found["class"] == "FromScratchAttention"
    assert found["parameters"] > 0 and 1 < found["per token"] < found["vocabulary"]
    assert f"{found['per token']:.2f}" in done.stdout
    assert len((out / "samples.txt").read_text().splitlines()) == 3
    if importlib.util.find_spec("matplotlib"):
        assert (out / "loss.png").stat().st_size > 1000


def test_a_students_functions_drive_the_model(corpus, tmp_path):
    own = tmp_path / "own.py"
    source = (ROOT / "labs" / "mini_transformer" / "from_scratch.py").read_text(encoding="utf-8")
    said = '\n\ndef merge_heads(y):\n    print("mine")\n    return y.transpose(1, 2).flatten(2)\n'
    own.write_text(source + said, encoding="utf-8")
    args = ("--train", corpus, "--steps", 2, "--samples", 0, "--out", tmp_path / "out")
    done = run_module("labs.mini_transformer", *args, "--functions", own)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("mine\n") > 6  # three layers in every pass, beside the check's calls
    own.write_text(source + "\n\ndef merge_heads(y):\n    return y.flatten(2)\n", encoding="utf-8")
    done = run_module("labs.mini_transformer", *args, "--functions", own)
    assert done.returncode == 2 and "own.py: merge_heads: wrong; python -m" in done.stderr
    done = run_module("labs.mini_transformer", *args, "--functions", own, "--variant", "cosine")
    assert done.returncode == 2 and "leave out --variant cosine" in done.stderr


@pytest.mark.slow
def test_the_table_compares_arms_seed_by_seed(corpus, tmp_path):
    args = ("--only", "vanilla", "relu-query", "--seeds", 3, "--steps", 2, "--jobs", 1)
    done = run_module("labs.mini_transformer.table", *args, "--train", corpus, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    table = (tmp_path / "table.md").read_text()
    assert "| vanilla | 1 |" in table and "| relu-query | 1 |" in table
    again = run_module("labs.mini_transformer.table", *args, "--train", corpus, "--out", tmp_path)
    assert "2 of 2 runs are there" in again.stdout


def test_rotary_positions_and_alibi_are_trained_on_request():
    from labs.mini_transformer.table import arms, parser

    default = parser().parse_args([]).only
    assert len(default) == 15 and set(arms()) - set(default) == {"stream-rope", "stream-alibi"}
    chosen = parser().parse_args(["--only", "stream-alibi", "vanilla"]).only
    assert chosen == ["stream-alibi", "vanilla"]


def test_the_table_of_given_results():
    from labs.mini_transformer.table import markdown, summary

    def result(variant, seed, perplexity, **more):
        base = {"variant": variant, "seed": seed, "per token": perplexity, "streams": False}
        base |= {"per document": 1.0, "seconds": 3, "parameters": 5}
        return base | {"steps": 7, "learning_rate": 2e-3} | more

    place = {str(p): 10.0 + p for p in (100, 150, 200, 400)}
    rows = summary(
        [result("cosine", s, 11.0 + s) for s in range(3)]
        + [result("vanilla", s, 10.0 + s) for s in range(3)]
        + [result("vanilla", 0, 9.0, streams=True, positions="rope") | {"by position": place}]
    )
    assert [row["arm"] for row in rows] == ["vanilla", "cosine", "stream-rope"]
    assert rows[1]["difference"] == {"mean": 1.0, "low": 1.0, "high": 1.0}  # the same in each seed
    lines = markdown(rows).splitlines()
    assert "after 7 steps at a learning rate of 0.002 (the handout's: 0.0005)" in lines[0]
    assert any(line.startswith("| cosine | 3 | 12.0 (9.5 to 14.5) | +1.0 (+1.0 ") for line in lines)
    assert lines[-1] == "| rope | 1 | 9.0 | 110.0 | 160.0 | 210.0 | 410.0 |"


@pytest.mark.parametrize(
    "content, args, sentence",
    [
        ("\n", (), "is empty"),
        ("sentence\tlabel\n \t1\n", (), "holds no sentence"),
        ("a b\n", (), "1 sentences are too few"),
        ("a b\n" * 20, ("--variant", "vanila"), "did you mean vanilla"),
        ("a b\n" * 20, ("--variant", "aft-full", "--positions", "rope"), "choose"),
        ("a b\n" * 20, ("--samples", "-1"), "not a whole number from 0"),
        ("a b\n" * 20, ("--steps", "3", "--epochs", "2"), "not allowed with"),
        (None, (), "train.tsv"),
    ],
)
def test_bad_input_ends_in_a_sentence(tmp_path, content, args, sentence):
    from labs.mini_transformer.__main__ import main

    path = tmp_path / "train.tsv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=sentence):
        main(["--train", str(path), "--out", str(tmp_path / "out"), *args])


def test_the_table_reads_its_sentences_before_any_run(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("\n")
    out = tmp_path / "out"
    done = run_module("labs.mini_transformer.table", "--train", path, "--out", out)
    assert done.returncode == 2 and done.stderr == (
        f"error: {path}: the file is empty; give one that has text in it\n"
    )
    assert not out.exists()


def test_a_dev_file_alone_ends_with_status_2(tmp_path):
    done = run_module("labs.mini_transformer", "--dev", "x.txt", "--out", tmp_path)
    assert done.returncode == 2 and "give --train FILE too" in done.stderr
    assert len(done.stderr.splitlines()) == 1
