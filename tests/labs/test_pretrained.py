"""labs/pretrained: tiny checkpoints made here, saved and loaded as any other; no network."""

import json
import os
from dataclasses import replace

import pytest
import torch

from base.errors import UserError
from labs.pretrained import arithmetic, checkpoint, classify, data, tiny

os.environ["HF_HUB_OFFLINE"] = "1"
pytest.importorskip("transformers", reason="no transformers: pip install -r requirements-labs.txt")

REVIEWS = tiny.toy_reviews(61)


@pytest.fixture(scope="module", params=tiny.FAMILIES)
def folder(request, tmp_path_factory):
    """A tiny checkpoint of one family on disk."""
    path = tmp_path_factory.mktemp(request.param) / "checkpoint"
    texts = REVIEWS.texts
    tiny.pretrain(request.param, texts, texts, 3, path, channels=32, layers=1, batch=7)
    return path


@pytest.fixture(scope="module")
def finetuned(folder):
    """What a short finetuning on 61 reviews left: its folder and result."""
    settings = classify.Settings(str(folder), rate=2e-2, batch=17, epochs=13, warmup=0.1, clip=1.0)
    out = folder.parent / "out"
    return out, classify.train(settings, REVIEWS, REVIEWS, tiny.toy_reviews(37, seed=1), out)


def test_a_small_set_is_learnt_and_the_best_model_kept(finetuned):
    out, result = finetuned
    assert result["validation"] == 1 and result["test"]["accuracy"] == 1
    assert result["test"]["n"] == 37 == sum(map(sum, result["test"]["confusion"]))
    assert not (out / "state.pt").exists()


def test_labels_and_logits_survive_saving(finetuned, tmp_path):
    tokenizer, model, fresh = checkpoint.load(str(finetuned[0] / "model"))
    assert checkpoint.label_names(model) == ["negative", "positive"] and not fresh
    before = classify.logits_of(model, tokenizer, REVIEWS, 64)
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    tokenizer, model, _ = checkpoint.load(str(tmp_path))
    assert torch.equal(classify.logits_of(model, tokenizer, REVIEWS, 64), before)
    assert arithmetic.what_is("a dull film", tokenizer, model) == "negative"


def test_frozen_parameters_do_not_move(folder, tmp_path):
    settings = classify.Settings(str(folder), rate=1e-2, batch=17, epochs=2, frozen=True)
    classify.train(settings, REVIEWS, REVIEWS, None, tmp_path)
    _, before, fresh = checkpoint.load(str(folder), REVIEWS.names)
    after = checkpoint.load(str(tmp_path / "model"))[1].state_dict()
    same = {name for name, value in before.state_dict().items() if torch.equal(value, after[name])}
    assert same == set(after) - fresh and fresh


def test_a_checkpoint_of_another_family_is_refused_with_names(folder):
    path = folder / "config.json"
    config = path.read_text(encoding="utf-8")
    other = {"bert": "roberta", "roberta": "bert"}[json.loads(config)["model_type"]]
    path.write_text(json.dumps(json.loads(config) | {"model_type": other}), encoding="utf-8")
    try:
        with pytest.raises(UserError, match=f"has no {other}.*embeddings"):
            checkpoint.load(str(folder), REVIEWS.names)
    finally:
        path.write_text(config, encoding="utf-8")


def test_a_folder_that_is_no_finetuned_checkpoint_is_one_sentence(finetuned, folder, tmp_path):
    with pytest.raises(UserError, match="no config.json; give .*model$"):
        checkpoint.load(str(finetuned[0]))
    with pytest.raises(UserError, match="is no folder here"):
        checkpoint.load(str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match="is not finetuned yet; it has no .*classifier"):
        checkpoint.load(str(folder))
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(UserError, match="cannot be made a folder"):
        settings = classify.Settings(str(folder))
        classify.train(settings, REVIEWS, REVIEWS, None, tmp_path / "file")


def test_resumed_training_ends_as_an_uninterrupted_one(folder, tmp_path, monkeypatch):
    settings = classify.Settings(str(folder), rate=1e-2, batch=17, epochs=3, evaluations=2)
    whole = classify.train(settings, REVIEWS, REVIEWS, None, tmp_path / "whole")
    step, calls = classify.Finetuning.step, []

    def stop_in_second_epoch(*args):  # of 4 steps, evaluated after 2 and 4
        calls.append(1)
        if len(calls) == 8:
            raise KeyboardInterrupt
        return step(*args)

    monkeypatch.setattr(classify.Finetuning, "step", stop_in_second_epoch)
    with pytest.raises(KeyboardInterrupt, match="the same command goes on"):
        classify.train(settings, REVIEWS, REVIEWS, None, tmp_path / "cut")
    with pytest.raises(UserError, match="state.pt: was made with other settings"):
        other = replace(settings, rate=1e-3)
        classify.train(other, REVIEWS, REVIEWS, None, tmp_path / "cut")
    cut = classify.train(settings, REVIEWS, REVIEWS, None, tmp_path / "cut")
    assert len(calls) == 8 + 6  # steps 7 to 12 after the last evaluation
    kept = [
        [{k: v for k, v in point.items() if k != "seconds"} for point in run["history"]]
        for run in (whole, cut)
    ]
    assert kept[0] == kept[1]
    assert [point["epoch"] for point in kept[0]] == [0.5, 1, 1.5, 2, 2.5, 3]


def test_a_finished_run_is_not_made_again(finetuned, folder, monkeypatch):
    out, result = finetuned
    monkeypatch.setattr(classify.Finetuning, "step", None)
    settings = classify.Settings(**result["settings"])
    assert classify.train(settings, REVIEWS, REVIEWS, None, out) == result
    with pytest.raises(UserError, match="a run with other settings"):
        classify.train(replace(settings, seed=1), REVIEWS, REVIEWS, None, out)
    other = data.Rows(REVIEWS.texts[::-1], REVIEWS.labels[::-1], REVIEWS.names)  # as many
    for parts in ((other, REVIEWS), (REVIEWS, other)):
        with pytest.raises(UserError, match="a run with other settings or rows"):
            classify.train(settings, *parts, None, out)


def test_a_finished_run_is_tested_again_on_other_rows_only(finetuned, monkeypatch):
    out, result = finetuned
    settings = classify.Settings(**result["settings"])
    some = REVIEWS.take(range(7))
    assert classify.train(settings, REVIEWS, REVIEWS, some, out)["test"]["n"] == 7
    monkeypatch.setattr(classify, "measure", None)
    assert classify.train(settings, REVIEWS, REVIEWS, some, out)["test"]["n"] == 7


def test_padding_changes_no_logit(finetuned):
    tokenizer, model, _ = checkpoint.load(str(finetuned[0] / "model"))
    rows = data.Rows(["a dull film", "this warm bright clever story a b c d e f"], [0, 0], ["x"])
    with torch.no_grad():
        alone = [
            model.eval()(**tokenizer(text, return_tensors="pt")).logits[0] for text in rows.texts
        ]
    together = classify.logits_of(model, tokenizer, rows, 64)
    assert torch.allclose(together, torch.stack(alone), atol=0.05)  # bf16 where there is some


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "sentence,mark\ngood,1\n", "line 2: there is no column 'label', only sent"),
        ("a.tsv", "sentence\tlabel\ngood\t1\n \t0\n", "line 3: the text is empty"),
        ("a.tsv", "sentence\tlabel\ngood\t1\nfine\n", "line 3: has nothing in column 'label'"),
        ("a.jsonl", '{"sentence": "x", "label": 7}\n', "line 1: label '7' is none of 0, 1"),
        ("a.jsonl", "[1]\n", "line 1: is no JSON object"),
        ("a.csv", "sentence,label\n", "no rows"),
        ("a.txt", "x", "must end in"),
    ],
)
def test_a_bad_file_is_one_sentence_that_names_the_row(tmp_path, name, text, message):
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        data.read_rows(str(tmp_path / name), ["0", "1"])


def test_label_order_is_the_data_s_own(tmp_path):
    for ending, text in (
        ("tsv", 'sentence\tlabel\na "b\t1\nc\t0\n'),
        ("csv", "sentence,label\na,good\nb,bad\n"),
        ("jsonl", '{"sentence": "a", "label": "bad"}\n\n{"sentence": "b", "label": "good"}\n'),
    ):
        (tmp_path / f"a.{ending}").write_text(text, encoding="utf-8")
    read = [data.read_rows(str(tmp_path / f"a.{ending}")) for ending in ("tsv", "csv", "jsonl")]
    assert [rows.names for rows in read] == [["0", "1"], ["good", "bad"], ["bad", "good"]]
    assert [rows.labels for rows in read] == [[1, 0], [0, 1], [0, 1]]
    assert read[0].texts == ['a "b', "c"]


def test_only_training_batches_are_shuffled_and_all_rows_come_once():
    lengths = [(7 * i) % 31 for i in range(997)]
    plain = data.batch_order(lengths, 13, None)
    assert [lengths[i] for batch in plain for i in batch] == sorted(lengths)
    shuffled = data.batch_order(lengths, 13, 5)
    assert shuffled == data.batch_order(lengths, 13, 5) != data.batch_order(lengths, 13, 6)
    assert sorted(i for batch in shuffled for i in batch) == list(range(997))
    spread = [max(lengths[i] for i in batch) - min(lengths[i] for i in batch) for batch in shuffled]
    assert sorted(spread)[len(spread) // 2] <= 2


def test_warm_up_rises_and_then_falls_to_zero():
    rates = [classify.schedule(step, 100, 0.1) for step in range(101)]
    assert rates[:11] == sorted(rates[:11]) and rates[10:] == sorted(rates[10:], reverse=True)
    assert max(rates) == 1 and rates[-1] == 0


def test_verbal_arithmetic_is_all_800_sentences_with_right_labels():
    rows = arithmetic.sentences()
    assert len(set(rows.texts)) == 800
    counts = [rows.labels.count(label) for label in range(3)]
    assert counts == [190, 21, 589]  # a < b: 190; a - a and 0 + 0: 21
    train, validation, test = arithmetic.parts()
    assert (len(train) + len(validation), len(test)) == (640, 160)
    assert set(train.texts) | set(validation.texts) | set(test.texts) == set(rows.texts)
    named = dict(zip(rows.texts, rows.labels, strict=True))
    assert rows.names[named["four minus ten"]] == "negative"


def test_the_study_shows_the_rate_that_is_best_by_validation(folder, tmp_path, monkeypatch):
    rows = arithmetic.sentences()
    halves = [rows.take(range(start, 800, 13)) for start in (0, 5, 7)]
    monkeypatch.setattr(arithmetic, "parts", lambda seed=0: halves)
    models = {"a": str(folder)}
    said = arithmetic.study(models, tmp_path, [3, 5], 1, [1e-9, 1e-3])
    table = [line.split(" | ") for line in said.splitlines()[2:4]]
    for frozen, cells in zip(("whole", "frozen"), table, strict=True):
        tried = {}
        for rate in ("1e-09", "0.001"):
            found = [
                json.loads((tmp_path / f"a-{frozen}-{rate}-{seed}/result.json").read_text("utf-8"))
                for seed in (3, 5)
            ]
            tried[rate] = sum(r["validation"] for r in found), -sum(
                r["history"][0]["validation_loss"] for r in found
            )
        assert cells[2] == max(tried, key=tried.get)
    assert arithmetic.study(models, tmp_path, [3, 5], 1, [1e-9, 1e-3]) == said  # nothing anew


def test_differ_lists_what_the_first_model_knows_better():
    rows = data.Rows(["a", "b", "c"], [0, 1, 1], ["x", "y"])
    first = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]])
    second = torch.tensor([[0.8, 0.2], [0.9, 0.1], [0.1, 0.9]])
    found = arithmetic.differ([first, second], rows)
    assert [line[:2] for line in found] == [("b", "y"), ("a", "x")]
    assert found[0][2:] == pytest.approx((0.8, 0.1))


def test_pretraining_sentences_are_true():
    value = arithmetic.VALUE
    for line in arithmetic.number_sentences(997):
        words = line.split()
        if words[1] in ("plus", "minus"):
            sign = 1 if words[1] == "plus" else -1
            assert value[words[0]] + sign * value[words[2]] == value[words[4]], line
        elif "than" in words:
            more = value[words[0]] > value[words[4]]
            assert words[2] == ("more" if more else "less"), line
    assert not set(" ".join(arithmetic.unrelated_sentences(997)).split()) & set(arithmetic.NUMBERS)


def test_masks_ask_about_a_seventh_of_the_words_and_no_special_one():
    ids = torch.randint(0, 97, (211, 23), generator=torch.Generator().manual_seed(0))
    given, labels = tiny.mask(ids, 97, torch.Generator().manual_seed(1))
    asked, ordinary = labels != -100, ids >= len(tiny.SPECIAL)
    assert torch.equal(labels[asked], ids[asked]) and not (asked & ~ordinary).any()
    assert torch.equal(given[~asked], ids[~asked])
    assert abs(float(asked.sum() / ordinary.sum()) - 0.15) < 0.02
    assert abs(float((given[asked] == 4).float().mean()) - 0.8) < 0.06


def test_commands_run_from_a_shell(finetuned, tmp_path, capsys, monkeypatch):
    arithmetic.write_rows(tiny.toy_reviews(29, seed=3), tmp_path / "test.csv")
    model = str(finetuned[0] / "model")

    def command(*args):
        monkeypatch.setattr("sys.argv", ["classify", *map(str, args)])
        classify.main()
        return capsys.readouterr().out

    said = command("evaluate", "--model", model, "--test", tmp_path / "test.csv")
    assert said.startswith("100.0 % of 29") and "majority class" in said
    said = command("predict", "--model", model, "a dull scene", "a warm scene")
    assert [line.split()[0] for line in said.splitlines()] == ["negative", "positive"]


def test_a_sweep_ranks_by_validation_and_tests_the_first(finetuned, tmp_path, monkeypatch):
    """Two commands into one folder give one table; a run with another seed is not in it."""
    arithmetic.write_rows(tiny.toy_reviews(29, seed=3), tmp_path / "rows.csv")
    out, rows = tmp_path / "sweep", tmp_path / "rows.csv"

    def sweep(*options):
        words = ["--train", rows, "--validation", rows, "--batches", 8, "--epoch_counts", 2]
        words += ["--model", finetuned[0].parent / "checkpoint", "--out", out, *options]
        monkeypatch.setattr("sys.argv", ["classify", "sweep", *map(str, words)])
        classify.main()

    sweep("--rates", 1e-2, "--seed", 1)
    sweep("--optimizers", "sgd", "--rates", 1e-9)
    sweep("--optimizers", "adamw", "--rates", 2e-3, 5e-3, "--test", rows)
    text = (out / "table.md").read_text(encoding="utf-8")
    table = [line.split(" | ")[:2] for line in text.splitlines() if line.startswith("|")][2:]
    found = [json.loads(path.read_text("utf-8")) for path in out.glob("*/result.json")]
    found = [result for result in found if result["settings"]["seed"] == 0]
    found.sort(key=classify.by_validation, reverse=True)
    kinds = [[f"| {r['settings']['optimizer']}", f"{r['settings']['rate']:g}"] for r in found]
    assert table == kinds and len(table) == 3
    assert ["test" in result for result in found] == [True, False, False]
    assert f"tested: {classify.describe(found[0]['test'])}" in text
