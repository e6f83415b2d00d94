"""pretrain, finetune and evaluate of every variant through the command line, on eight people."""

import json

import pytest
import torch
from conftest import run_script

import run
from attention import POSITIONS, VARIANTS
from base.errors import UserError

PEOPLE = {
    "Ada Ny": "Oslo", "Bo Ek": "Lund", "Cy Aho": "Turku", "Di Poe": "Cork",
    "Ed Rao": "Pune", "Flo Im": "Seoul", "Gus Li": "Wuhan", "Hal Om": "Ghent",
}  # fmt: skip
SMALL = (
    "--n_layer", "3", "--n_head", "2", "--n_embd", "16", "--block_size", "48", "--device", "cpu",
    "--max_epochs", "2", "--batch_size", "4", "--no_log", "--precision", "fp32",
)  # fmt: skip


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A folder, entered, with a corpus and its questions."""
    monkeypatch.chdir(tmp_path)
    documents = [f"{name}. {name} was born in {place}." for name, place in PEOPLE.items()]
    (tmp_path / "w.txt").write_text("\n".join(documents) + "\n?", encoding="utf-8")
    rows = [f"Where was {name} born?\t{place}\n" for name, place in PEOPLE.items()]
    (tmp_path / "q.tsv").write_text("".join(rows), encoding="utf-8")
    return tmp_path


def pretrain(variant, *flags):
    flags = ("--writing_params_path", "a.params", *SMALL, *flags)
    run.main(["pretrain", variant, "w.txt", *flags])


def evaluate(variant, path, *flags):
    flags = ("--reading_params_path", path, "--device", "cpu", *flags)
    flags += ("--eval_corpus_path", "q.tsv", "--outputs_path", "a.predictions")
    run.main(["evaluate", variant, "w.txt", *flags])


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_trains_and_answers(name, world, capsys):
    pretrain(name)
    read = ("--reading_params_path", "a.params", "--finetune_corpus_path", "q.tsv")
    settings = ("--max_epochs", "1", "--device", "cpu", "--no_log", "--precision", "fp32")
    write = ("--writing_params_path", "b.params")
    run.main(["finetune", name, "w.txt", *read, *write, *settings])
    evaluate(name, "b.params")
    assert "out of 8.0" in capsys.readouterr().out
    assert len((world / "a.predictions").read_text(encoding="utf-8").splitlines()) == 8
    for path in ("a.params", "b.params"):
        description = json.loads((world / f"{path}.json").read_text(encoding="utf-8"))
        assert description["variant"] == name
        assert description["positions"] == VARIANTS[name].positions
        assert description["bottleneck_dim"] == (32 if name == "perceiver" else None)
    before, after = (torch.load(world / path) for path in ("a.params", "b.params"))
    assert before.keys() == after.keys()
    assert not torch.equal(before["head.weight"], after["head.weight"])


@pytest.mark.parametrize("positions", POSITIONS)
def test_positions_are_kept_with_the_params_and_compared(positions, world):
    pretrain("vanilla", "--positions", positions)
    description = json.loads((world / "a.params.json").read_text(encoding="utf-8"))
    assert description["positions"] == positions
    evaluate("vanilla", "a.params")  # read back: no flag needed
    other = "none" if positions != "none" else "alibi"
    with pytest.raises(UserError, match=f"its positions is {positions}, not {other}"):
        evaluate("vanilla", "a.params", "--positions", other)


def test_bottleneck_is_kept_with_the_params_and_compared(world):
    pretrain("perceiver", "--bottleneck_dim", "7")
    assert torch.load(world / "a.params")["blocks.0.down_block.C"].shape == (1, 7, 16)
    evaluate("perceiver", "a.params")
    with pytest.raises(UserError, match="its bottleneck_dim is 7, not 5"):
        evaluate("perceiver", "a.params", "--bottleneck_dim", "5")


@pytest.mark.parametrize("name", ["vanilla", "rope", "perceiver", "synthesizer"])
def test_params_without_their_json_are_inferred(name, world, capsys):
    pretrain(name, *(("--bottleneck_dim", "7") if name == "perceiver" else ()))
    evaluate(name, "a.params")
    answers = (world / "a.predictions").read_text(encoding="utf-8")
    (world / "a.params.json").unlink()
    evaluate(name, "a.params", "--n_head", "2")
    out = capsys.readouterr().out
    assert f"assuming {name} with" in out and f"'{VARIANTS[name].positions}'" in out
    assert (world / "a.predictions").read_text(encoding="utf-8") == answers


@pytest.mark.parametrize(
    "variant, flags, sentence",
    [
        ("vanilla", ("--bottleneck_dim", "7"), "vanilla has no bottleneck; drop --bottleneck_dim"),
        ("perceiver", ("--bottleneck_dim", "49"), "bottleneck_dim 49 is not between 1 and"),
        ("perceiver", ("--n_layer", "1"), "n_layer is 1; choose 2 or more"),
        ("synthesizer", ("--positions", "rope"), "positions rope need; choose"),
        ("rope", ("--n_embd", "10"), "a head has 5; choose"),
        ("vanilla", ("--positions", "east"), "there is no 'east'"),
        ("fancy", (), "there is no 'fancy'"),
    ],
)
def test_what_cannot_be_is_one_sentence(variant, flags, sentence, world):
    with pytest.raises(UserError, match=sentence) as error:
        pretrain(variant, *flags)
    assert "\n" not in str(error.value)
    assert not (world / "a.params").exists()


def test_a_sentence_and_status_2_from_the_shell(world):
    done = run_script(
        "src/run.py", "pretrain", "aft-full", "w.txt", "--writing_params_path", "a.params",
        *SMALL, "--positions", "alibi", cwd=world,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.strip().startswith("error: AFTFull has no scores to add a bias to")
    assert "\n" not in done.stderr.strip()
