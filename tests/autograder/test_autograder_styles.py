"""Small submissions in the styles of real ones: full marks on their edition, and with one real
mistake they lose exactly that."""

import dataclasses
import functools
import shutil
from pathlib import Path

import editions
import pytest
import torch
from grader_styles import STYLES, edit
from grader_world import INPUTS, SIZES, Grader, failed, settings_of, shared, why
from grading import compute_reference
from unpack import unpack

import utils
from answers.predict import load_questions, predict, write_predictions
from dataset import CharCorruptionDataset
from model import GPT, GPTConfig

SMALL = "n_layer=2, n_head=4, n_embd=32"
VARIANTS = {  # edition -> the variant of part g, and what its model needs
    "2023": ("perceiver", {"bottleneck_dim": 64}),
    "2024": ("rope", {}),
    "xcs224n": ("synthesizer", {}),
}


@functools.cache
def grader_of(edition: str) -> Grader:
    """The shared grader; for another edition its world, with that edition's params, predictions
    and right answers."""
    base = shared()
    if edition == "2021":
        return base
    home = base.correct.parent / edition
    shutil.copytree(base.world.data, home / "world")
    (home / "artifacts").mkdir()
    answers = home / "world" / base.world.answers.relative_to(base.world.data)
    world = dataclasses.replace(base.world, settings=settings_of(edition), data=home / "world",
                                answers=answers)  # fmt: skip
    add_artifacts(home / "artifacts", world, *VARIANTS[edition])
    set_gold(home / "artifacts", world, VARIANTS[edition][0])
    return Grader(base.sandbox, world, compute_reference(base.sandbox, world), home / "artifacts")


def add_artifacts(folder: Path, world, variant: str, options: dict) -> None:
    """Params of random weights under the edition's names, and what they answer. In the test
    questions the newline stays in the prompt, as the run.py of these kits leaves it there."""
    corpus = CharCorruptionDataset(world.corpus(), SIZES["block_size"])
    for seed, entry in enumerate(world.settings["models"].values()):
        own = options if entry["variant"] == variant else {}
        utils.set_seed(seed)
        model = GPT(GPTConfig(corpus.vocab_size, variant=entry["variant"], **SIZES, **own))
        for name, parameter in model.named_parameters():  # attention that matters
            parameter.data = torch.randn(parameter.shape) * (1.0 if ".attn." in name else 0.3)
        torch.save(under_the_kits_names(model.state_dict()), folder / entry["params"])
        for split, name in INPUTS.items():
            questions = load_questions(str(world.data / name), corpus, model.max_length)
            ends = "\n" if split == "test" else ""
            asked = [question + ends for question in questions]
            write_predictions(predict(model, corpus, asked), str(folder / entry[split]))


def under_the_kits_names(state: dict) -> dict:
    inner = ("blocks.0.down_block.", "blocks.0.blocks.", "blocks.0.up_block.")
    return {n.removeprefix("blocks.0.") if n.startswith(inner) else n: v
            for n, v in state.items()}  # fmt: skip


def set_gold(folder: Path, world, variant: str) -> None:
    """Right answers of which each model knows enough for its edition's threshold."""
    stems = ["vanilla.nopretrain", "vanilla.pretrain", *[f"{variant}.pretrain"] * 3]
    for split, path in (("dev", world.data / INPUTS["dev"]), ("test", world.answers)):
        rows = [(folder / f"{s}.{split}.predictions").read_text().split("\n") for s in stems]
        gold = [rows[i % 6][i].strip() if i % 6 < 5 else "London"
                for i in range(len(world.questions(split)))]  # fmt: skip
        lines = zip(world.questions(split), gold, strict=True)
        path.write_text("".join(f"{q}\t{place or 'London'}\n" for q, place in lines))


def submission(style, folder: Path) -> Path:
    """The style's submission in `folder`, not packed yet."""
    style.write(folder)
    grader = grader_of(style.edition)
    for path in (*grader.correct.glob("*.params"), *grader.correct.glob("*.predictions")):
        shutil.copy(path, folder)
    style.prepare(folder)
    for path in folder.rglob("run.py"):
        edit(folder, (str(path.relative_to(folder)), "n_layer=4, n_head=8, n_embd=256", SMALL))
    return folder


@pytest.fixture(autouse=True)
def small_run_py(tmp_path_factory, monkeypatch):
    """The grader's own run.py of XCS224N, for the small models of the tests."""
    import grading

    home = tmp_path_factory.mktemp("home")
    shutil.copytree(grading.HERE, home, dirs_exist_ok=True,
                    ignore=shutil.ignore_patterns("__pycache__", "starter"))
    edit(home, ("editions/xcs224n_run.py", "n_layer=4, n_head=8, n_embd=256", SMALL))
    monkeypatch.setattr(grading, "HERE", home)


def grade(style, packed: Path):
    return grader_of(style.edition).grade(packed)


@pytest.mark.slow
@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_full_marks_and_one_mistake_loses_exactly_that(style, tmp_path):
    folder = submission(style, tmp_path / "right" / "work")
    report = grade(style, style.pack(folder))
    assert failed(report) == set(), why(report)
    assert report.score == report.most == 33
    wrong = submission(style, tmp_path / "wrong" / "work")
    edit(wrong, style.mistake)
    report = grade(style, style.pack(wrong))
    assert failed(report) == style.fails, why(report)


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_the_edition_is_told_from_the_submission(style, tmp_path):
    packed = style.pack(submission(style, tmp_path / "work"))
    (tmp_path / "out").mkdir()
    unpack(packed, tmp_path / "out")
    assert editions.detect(tmp_path / "out") == style.edition
