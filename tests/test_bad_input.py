"""What a user gets wrong ends in one sentence with file, row and mend, status 2, and no file."""

import contextlib
import hashlib
import io
import json
import os
import pickle
import shutil
import subprocess
import sys

import pytest
import torch
from conftest import ROOT, TINY, run_script

import experiment
import run
from base.errors import errors_are_sentences
from base.files import locked

CORPUS = "Ada Byron. Ada was born in London .\nWhere? Bo. Bo was born in Ghent .\n" * 3
SIZES = (*TINY, "--block_size", 64, "--max_epochs", 1)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    (folder / "wiki.txt").write_text(CORPUS, encoding="utf-8")
    (folder / "q.tsv").write_text("Where was Bo born?\tGhent\n", encoding="utf-8")
    for variant in ("vanilla", "synthesizer"):
        assert run_here(folder, pretrain(out=f"{variant}.params", variant=variant)) == (0, "")
    return folder


@pytest.fixture
def folder(trained, tmp_path):
    for path in trained.iterdir():
        if path.is_file():
            shutil.copy(path, tmp_path)
    return tmp_path


def run_here(folder, args):
    """run.py in this process: (status, stderr). `test_status_of_the_process` has it as one."""
    before = os.getcwd()
    os.chdir(folder)
    with contextlib.redirect_stderr(io.StringIO()) as errors:
        try:
            with errors_are_sentences():
                run.main([str(arg) for arg in args])
        except SystemExit as end:
            return end.code, errors.getvalue()
        finally:
            os.chdir(before)
    return 0, errors.getvalue()


def fails(folder, *args, words):
    """The command ends in one sentence that has all `words`, status 2, and leaves no new file."""
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    status, errors = run_here(folder, args)
    assert status == 2, errors
    sentence = errors.strip().splitlines()
    assert len(sentence) == 1 and sentence[0].startswith("error: "), errors
    for word in words:
        assert word in sentence[0], sentence[0]
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before


def test_status_of_the_process(folder):
    for script, args in (("src/run.py", pretrain("none.txt")), ("src/dataset.py", ["other"])):
        done = run_script(script, *args, cwd=folder)
        assert done.returncode == 2 and "Traceback" not in done.stderr
        assert done.stderr.strip().count("\n") == 0, done.stderr


def evaluate(params="vanilla.params", questions="q.tsv", variant="vanilla", out="out"):
    return ("evaluate", variant, "wiki.txt", "--reading_params_path", params,
            "--eval_corpus_path", questions, "--outputs_path", out)  # fmt: skip


def finetune(questions="q.tsv", out="new.params"):
    return ("finetune", "vanilla", "wiki.txt", "--reading_params_path", "vanilla.params",
            "--writing_params_path", out, "--finetune_corpus_path", questions,
            "--no_log")  # fmt: skip


def pretrain(corpus="wiki.txt", out="new.params", variant="vanilla"):
    return ("pretrain", variant, corpus, "--writing_params_path", out, *SIZES)


def test_missing_corpus(folder):
    fails(folder, *pretrain("none.txt"), words=["none.txt", "no such file", "check the path"])


def test_empty_corpus(folder):
    (folder / "empty.txt").write_text(" \n")
    fails(folder, *pretrain("empty.txt"), words=["empty.txt", "empty"])


def test_corpus_that_is_no_text(folder):
    (folder / "bytes.txt").write_bytes(b"abc\xff\xfe" * 20)
    fails(folder, *pretrain("bytes.txt"), words=["bytes.txt", "UTF-8", "byte 3"])


def test_corpus_that_is_a_folder(folder):
    (folder / "sub").mkdir()
    fails(folder, *pretrain("sub"), words=["sub", "cannot be read"])


def test_block_that_holds_nothing(folder):
    fails(folder, *pretrain(), "--block_size", 5, words=["block_size 5", "choose"])


def test_heads_that_do_not_divide_the_channels(folder):
    fails(folder, *pretrain(), "--n_head", 7, words=["n_embd 32", "n_head 7"])


@pytest.mark.parametrize("row", ["Where was Bo born?", "Where was Bo born?\tGhent\tBelgium"])
def test_row_without_a_tab_or_with_two(folder, row):
    (folder / "bad.tsv").write_text(f"Where was Bo born?\tGhent\n{row}\n")
    fails(folder, *finetune("bad.tsv"), words=["bad.tsv", "row 2", "mend"])
    fails(folder, *evaluate(questions="bad.tsv"), words=["bad.tsv", "row 2", "mend"])


def test_character_outside_the_vocabulary(folder):
    (folder / "bad.tsv").write_text("Where was Bo born?\tGhent\nWhere was Zoë?\tGhent\n", "utf-8")
    fails(folder, *evaluate(questions="bad.tsv"), words=["bad.tsv", "row 2", "remove"])
    fails(folder, *finetune("bad.tsv"), "--unicode_names", words=["bad.tsv", "row 2", "'Z'"])


def test_question_too_long_for_the_block(folder):
    (folder / "bad.tsv").write_text("Where was " + "Bo " * 30 + "born?\tGhent\n")
    fails(folder, *evaluate(questions="bad.tsv"), words=["bad.tsv", "row 1", "shorten"])
    fails(folder, *finetune("bad.tsv"), words=["bad.tsv", "row 1", "shorten"])


def test_truncated_params(folder):
    whole = (folder / "vanilla.params").read_bytes()
    for size in (0, 3, len(whole) // 2, len(whole) - 100):
        (folder / "cut.params").write_bytes(whole[:size])
        fails(folder, *evaluate("cut.params"), words=["cut.params"])


def test_params_that_want_to_run_code(folder):
    class Command:
        def __reduce__(self):
            return os.system, ("touch harm",)

    torch.save({"tok_emb.weight": Command()}, folder / "evil.params")
    fails(folder, *evaluate("evil.params"), words=["evil.params", "not a params file"])
    with open(folder / "plain.params", "wb") as file:
        pickle.dump([1, 2], file)
    fails(folder, *evaluate("plain.params"), words=["plain.params"])
    assert not (folder / "harm").exists()


def test_file_that_is_no_params(folder):
    fails(folder, *evaluate("wiki.txt"), words=["wiki.txt", "params file"])
    fails(folder, *evaluate("absent.params"), words=["absent.params", "No such file"])
    torch.save({"a": torch.zeros(3)}, folder / "other.params")
    fails(folder, *evaluate("other.params"), words=["other.params", "tok_emb.weight"])


@pytest.mark.parametrize("text", ["abc", ".", "q" * 20, "Name,Place", "tomato", "(((", "N."])
def test_text_that_the_unpickler_takes_for_orders(folder, text):
    (folder / "text.params").write_text(text)
    fails(folder, *evaluate("text.params"), words=["text.params", "not a params file"])


def test_tensors_of_odd_shapes_and_names(folder):
    state = torch.load(folder / "vanilla.params", weights_only=True)
    torch.save(state | {"tok_emb.weight": torch.zeros(7)}, folder / "odd.params")
    fails(folder, *evaluate("odd.params"), words=["odd.params", "not a params file"])
    torch.save(state | {"blocks.x": torch.zeros(7)}, folder / "odd.params")
    fails(folder, *evaluate("odd.params"), "--n_layer", 2, words=["odd.params"])
    (folder / "vanilla.params.json").write_text('{"n_layer": "4"}')
    fails(folder, *evaluate(), words=["vanilla.params.json", "n_layer"])


def test_params_of_another_variant(folder):
    args = evaluate(variant="synthesizer")
    fails(folder, *args, words=["vanilla.params", "holds a vanilla model", "say vanilla"])
    (folder / "vanilla.params.json").unlink()  # and without the description, from the tensors
    fails(folder, *args, words=["vanilla.params", "holds a vanilla model"])


def test_params_of_another_vocabulary(folder):
    (folder / "wiki.txt").write_text(CORPUS.replace("G", "g"), encoding="utf-8")
    fails(folder, *evaluate(), words=["vanilla.params", "wiki.txt", "corpus"])
    (folder / "wiki.txt").write_text(CORPUS + "Zq", encoding="utf-8")
    (folder / "vanilla.params.json").unlink()
    fails(folder, *evaluate(), "--n_head", 2, words=["vanilla.params", "tok_emb.weight"])


def test_sizes_that_contradict_the_params(folder):
    fails(folder, *evaluate(), "--n_layer", 3, words=["vanilla.params", "n_layer is 2, not 3"])
    fails(folder, *evaluate(), "--n_head", 4, words=["vanilla.params", "n_head is 2, not 4"])


def test_description_that_is_no_json(folder):
    (folder / "vanilla.params.json").write_text("{")
    fails(folder, *evaluate(), words=["vanilla.params.json", "not JSON"])


@pytest.mark.parametrize("out", ["no/such/folder/out", "."])
def test_output_that_cannot_be_written(folder, out):
    fails(folder, *evaluate(out=out), words=[out, "cannot be written"])
    fails(folder, *pretrain(out=out), words=[out, "cannot be written"])


def test_missing_arguments(folder):
    fails(folder, "evaluate", "vanilla", "wiki.txt", words=["needs --reading_params_path"])
    fails(folder, "pretrain", "vanilla", "wiki.txt", words=["needs --writing_params_path"])
    args = ("finetune", "vanilla", "wiki.txt", "--writing_params_path", "a")
    fails(folder, *args, words=["needs --finetune_corpus_path"])


def test_unknown_variant_and_flags(folder):
    fails(folder, *pretrain(variant="sinthesizer"), words=["sinthesizer", "vanilla"])
    fails(folder, *pretrain(), "--max_epoch", "x", words=["max_epoch"])
    fails(folder, *pretrain(), "--batch_size", 0, words=["batch_size"])
    for number in (-1, 2**32):
        fails(folder, *pretrain(), "--seed", number, words=["seed"])
    fails(folder, *pretrain(out=""), words=["writing_params_path"])
    fails(folder, *pretrain(), "--device", "cuda", words=["--device cuda", "use --device auto"])


def test_resume_without_a_checkpoint(folder):
    fails(folder, *pretrain(), "--resume", words=["new.params.checkpoint", "start without"])


def leave_unfinished(folder):
    """The checkpoint of a finetuning that was stopped after its first step."""
    begun = run.parser().parse_args([str(arg) for arg in finetune(folder / "q.tsv")])
    begun.pretrain_corpus_path = str(folder / "wiki.txt")
    begun.reading_params_path = str(folder / "vanilla.params")
    begun.writing_params_path = str(folder / "new.params")
    unfinished = experiment.build_training(begun)
    unfinished.prepare()
    unfinished.save_progress(1)


def test_resume_from_a_run_that_began_elsewhere(folder):
    """A checkpoint of a finetuning of other params is not taken for this one's."""
    leave_unfinished(folder)
    path = folder / "vanilla.params"
    state = torch.load(path, weights_only=True)
    torch.save({name: tensor * 2 for name, tensor in state.items()}, path)
    about = json.loads((folder / "vanilla.params.json").read_text())
    about["params"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "vanilla.params.json").write_text(json.dumps(about))
    fails(folder, *finetune(), "--resume", words=["new.params.checkpoint", "reading_params"])
    fails(folder, *finetune(), "--resume", "--seed", 3, words=["reading_params"])


@pytest.mark.parametrize("other, word", [("wiki.txt", "corpus"), ("q.tsv", "questions")])
def test_resume_with_another_file(folder, other, word):
    """The sentence says which, and no hashes."""
    leave_unfinished(folder)
    text = (folder / other).read_text(encoding="utf-8")
    (folder / other).write_text(text + text.splitlines()[0] + "\n", encoding="utf-8")
    sentence = f"made with another {word} file than this run's; resume with the same file"
    fails(folder, *finetune(), "--resume", words=["new.params.checkpoint", sentence])


def test_resume_from_a_file_that_is_no_checkpoint(folder):
    shutil.copy(folder / "vanilla.params", folder / "new.params.checkpoint")
    fails(folder, *pretrain(), "--resume", words=["new.params.checkpoint", "not a checkpoint"])


def test_params_that_are_not_finite(folder):
    state = torch.load(folder / "vanilla.params", weights_only=True)
    (folder / "vanilla.params.json").unlink()
    state["ln_f.weight"][3] = float("nan")
    torch.save(state, folder / "vanilla.params")
    for args in (evaluate(), finetune()):
        fails(folder, *args, words=["vanilla.params", "ln_f.weight", "not finite"])


@pytest.mark.parametrize("name, value", [
    ("n_head", 0), ("n_head", -2), ("n_head", True), ("variant", ["vanilla"]), ("n_layer", 3),
    ("positions", 7), ("block_size", 10**30),
])  # fmt: skip
def test_descriptions_that_cannot_be(folder, name, value):
    about = json.loads((folder / "vanilla.params.json").read_text())
    (folder / "vanilla.params.json").write_text(json.dumps(about | {name: value}))
    for args in (evaluate(), finetune()):
        fails(folder, *args, words=["vanilla.params.json", name])


def test_params_beside_the_description_of_others(folder):
    shutil.copy(folder / "synthesizer.params", folder / "vanilla.params")
    fails(folder, *evaluate(), words=["vanilla.params.json", "describes other params"])


@pytest.mark.parametrize("out", ["wiki.txt", "q.tsv", "vanilla.params", "vanilla.params.json"])
def test_an_output_that_is_an_input(folder, out):
    fails(folder, *evaluate(out=out), words=[out, "is read and would be overwritten"])
    fails(folder, *finetune(out=out), words=[out, "is read and would be overwritten"])


def test_a_second_run_that_writes_to_the_same_path(folder):
    with locked(str(folder / "new.params")):
        status, errors = run_here(folder, pretrain())
    assert status == 2 and "another run is writing to it" in errors


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "> /dev/full", "2> /dev/full"])
def test_streams_that_are_closed_or_full_cost_no_run(folder, closed):
    words = " ".join(map(str, ("exec", sys.executable, ROOT / "src/run.py", *finetune())))
    done = subprocess.run(["bash", "-c", f"{words} --max_epochs 1 {closed}"], cwd=folder,
                          capture_output=True, text=True, timeout=120)  # fmt: skip
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    assert (folder / "new.params").is_file() and (folder / "new.params.json").is_file()


def test_paths_that_are_not_utf8_end_in_one_sentence(folder):
    for name, env in ((b"\xe9.tsv", {}), ("nö.tsv".encode(), {"LC_ALL": "C", "PYTHONUTF8": "0"})):
        words = finetune(os.fsdecode(name))
        done = subprocess.run([sys.executable, ROOT / "src/run.py", *words], cwd=folder,
                              capture_output=True, timeout=120, env=os.environ | env)  # fmt: skip
        assert done.returncode == 2 and b"Traceback" not in done.stderr, done.stderr
        assert done.stderr.count(b"\n") == 1 and b"no such file" in done.stderr
