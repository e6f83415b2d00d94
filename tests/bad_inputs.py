"""What every command says to each kind of bad input: python tests/bad_inputs.py

Runs them all in a folder of its own and writes docs/bad_input.md. tests/test_bad_inputs.py holds
the page to what the commands do.
"""

import contextlib
import importlib
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "data"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "bench"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from attention import VARIANTS
from base.errors import UserError, errors_are_sentences
from base.files import locked

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "bad_input.md"
HEAD = """# What the commands say to bad input

Each of these ends the command with exit status 2 and this one sentence on standard error, before
any file is written. This page is written by `python tests/bad_inputs.py`, which runs the commands;
a test holds it to what they do.

What is no error: blanks at either end of a row, Windows' line ends and a byte order mark are left
out; finetuning by the course's recipe drops letters beyond ASCII, as the course's program does, and
counts names that vanish; a pipe in place of an input is read once; a standard output that is closed
or full costs training only the words. Ctrl-C ends with status 130, SIGTERM with 143, SIGHUP with
129.
"""
CORPUS = "Ada Byron. Ada was born in London .\nWhere? Bo. Bo was born in Ghent .\n" * 3
ROW = "Where was Bo born?\tGhent\n"
TEXTS = {
    "wiki.txt": CORPUS, "q.tsv": ROW, "empty.tsv": " \n", "other.txt": CORPUS.replace("G", "g"),
    "no_tab.tsv": ROW + "Where was Bo born?\n", "two_tabs.tsv": ROW + ROW.strip() + "\tBelgium\n",
    "letter.tsv": ROW + "Where was Zed born?\tGhent\n", "no_place.tsv": "Where was Bo born?\t\n",
    "long.tsv": "Where was " + "Bo " * 30 + "born?\tGhent\n",
    "zero_width.tsv": ROW[:-1] + "\u200b\n",
    "masked.txt": CORPUS + "\u2047\n", "questions.tsv": "Where was Bo born?\n",
    "rows.jsonl": '{"question": 3}\n', "text.params": "tomato",
}  # fmt: skip
SIZES = "--n_layer 2 --n_head 2 --n_embd 32 --block_size 64 --max_epochs 1 --no_log --device cpu"


def prepare(folder: Path) -> None:
    """The good and the bad files."""
    for name, text in TEXTS.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    (folder / "bytes.txt").write_bytes(b"abc\xff\xfe" * 20)
    (folder / "sub").mkdir()
    for name in ("a", "nan", "cut", "sizes", "swapped", "busy"):
        run("run", f"pretrain vanilla wiki.txt --writing_params_path {name}.params {SIZES}")
    state = torch.load("nan.params", weights_only=True)
    state["ln_f.weight"][3] = float("nan")
    torch.save(state, "nan.params")
    Path("nan.params.json").unlink()
    Path("cut.params").write_bytes(Path("cut.params").read_bytes()[:1000])
    about = json.loads(Path("sizes.params.json").read_text())
    Path("sizes.params.json").write_text(json.dumps(about | {"n_head": 0}))
    run("run", f"pretrain vanilla wiki.txt --writing_params_path s.params --seed 1 {SIZES}")
    os.replace("s.params", "swapped.params")
    Path("bad_json.params.json").write_text("{")
    Path("bad_json.params").write_bytes(Path("a.params").read_bytes())


QUESTIONS = {  # of files with rows
    "no such file": "none.tsv", "a folder": "sub", "an empty file": "empty.tsv",
    "not UTF-8": "bytes.txt", "a row without a tab": "no_tab.tsv",
    "a row with two tabs": "two_tabs.tsv", "a place that is empty": "no_place.tsv",
    "a letter that the corpus lacks": "letter.tsv", "a question too long": "long.tsv",
    "an invisible character in a place": "zero_width.tsv",
}  # fmt: skip
CORPORA = {
    "no such corpus": "none.txt", "an empty corpus": "empty.tsv",
    "a corpus not in UTF-8": "bytes.txt", "a corpus with the mask's character": "masked.txt",
}  # fmt: skip
PARAMS = {
    "no such params": "none.params", "a text in place of params": "text.params",
    "params cut off": "cut.params", "params that are not finite": "nan.params",
    "a description with n_head 0": "sizes.params",
    "a description that is no JSON": "bad_json.params",
    "params beside another run's description": "swapped.params",
}  # fmt: skip
OUTPUTS = {
    "an output in a folder that is not there": "no/out", "an output that is a folder": "sub",
    "an output that is an input": "wiki.txt",
}  # fmt: skip

EVALUATE = "evaluate vanilla {corpus} --reading_params_path {params} --eval_corpus_path {rows} "
EVALUATE += "--outputs_path {out}"
PRETRAIN = f"pretrain vanilla {{corpus}} --writing_params_path {{out}} {SIZES}"
FINETUNE = "finetune vanilla {corpus} --reading_params_path {params} --no_log --device cpu "
FINETUNE += "--writing_params_path {out} --finetune_corpus_path {rows}"
FIT = "fit {corpus} {rows} --seen questions.tsv --reading_params_path {params}"
ASK = "{corpus} --reading_params_path {params}"
GOOD = {"corpus": "wiki.txt", "params": "a.params", "rows": "q.tsv", "out": "out"}


def kinds(line: str) -> Iterator[tuple[str, str]]:
    """(kind of bad input, words) for each place of a command's line that can hold some."""
    for place, bad in (("corpus", CORPORA), ("rows", QUESTIONS), ("params", PARAMS),
                       ("out", OUTPUTS)):  # fmt: skip
        if f"{{{place}}}" in line:
            for kind, value in bad.items():
                yield kind, line.format(**GOOD | {place: value})
    if "{params}" in line:
        yield "params of another corpus", line.format(**GOOD | {"corpus": "other.txt"})


COMMANDS: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "run.py pretrain": ("run", [
        *kinds(PRETRAIN),
        ("a size that does not divide", PRETRAIN.format(**GOOD) + " --n_head 7"),
        ("a number that cannot be", PRETRAIN.format(**GOOD) + f" --batch_size 1{'0' * 30}"),
        ("a time that cannot be",
         PRETRAIN.format(**GOOD).replace("max_epochs 1", "max_minutes 1e308")),
        ("an unknown option", PRETRAIN.format(**GOOD) + " --batchsize 5"),
        ("an unknown variant", PRETRAIN.format(**GOOD).replace("vanilla", "vanila")),
        ("--resume without a checkpoint", PRETRAIN.format(**GOOD) + " --resume"),
        ("another run writes there", PRETRAIN.format(**GOOD | {"out": "busy.params"})),
    ]),
    "run.py finetune": ("run", [(k, w) for k, w in kinds(FINETUNE) if "invisible" not in k]),
    "run.py evaluate": ("run", [
        *kinds(EVALUATE),
        ("params of another variant", EVALUATE.format(**GOOD).replace("vanilla", "synthesizer")),
        ("another size than the params'", EVALUATE.format(**GOOD) + " --n_layer 3"),
    ]),
    "ask.py": ("ask", [*kinds(ASK), ("a corpus without its model", "wiki.txt")]),
    "calibrate.py split": ("calibrate", [
        *((kind, f"split {path} --seen a.tsv --held_out b.tsv --count 1")
          for kind, path in list(QUESTIONS.items())[:7]),
        ("an output that is an input", "split q.tsv --seen q.tsv --held_out b.tsv"),
        ("two outputs that are one file", "split q.tsv --seen b.tsv --held_out b.tsv"),
        ("more held out than there are", "split q.tsv --seen a.tsv --held_out b.tsv --count 7"),
    ]),
    "calibrate.py fit": ("calibrate", [
        *kinds(FIT),
        ("questions that were seen too", FIT.format(**GOOD)),
    ]),
    "report.py": ("report", [
        ("no such file", "none.jsonl"), ("an empty file", "empty.tsv"), ("not UTF-8", "bytes.txt"),
        ("a file that is no rows", "wiki.txt"), ("a row without a field", "rows.jsonl"),
        ("an output that is an input", "rows.jsonl -o rows.jsonl"),
    ]),
    "explore.py": ("explore", list(kinds("{params} {corpus} -o out.html"))),
    "plot.py": ("plot", [
        ("no such folder", "none"), ("a folder without a log", "sub"),
        ("a number that cannot be", "none --window -1"),
    ]),
    "dataset.py": ("dataset", [
        ("an unknown dataset", "names"), ("an unknown option", "namedata --seed 3"),
    ]),
    "london_baseline.py": ("london_baseline", [
        *((kind, path) for kind, path in list(QUESTIONS.items())[:7]),
        ("questions without places", "questions.tsv"),
    ]),
    "data/make_world.py": ("make_world", [
        ("too few people", "--people 3"), ("an output that is a file", "--out wiki.txt"),
    ]),
    "data/count_world.py": ("count_world", [("a folder without the files", "sub")]),
    "python -m labs.attention_exploration": ("labs.attention_exploration.__main__", [
        ("no such file", "--matrices none.json"), ("a file that is no JSON", "--matrices wiki.txt"),
        ("a query that is no numbers", "--query 1,x"), ("a number that cannot be", "--values -1"),
    ]),
    "python -m labs.pig_latin": ("labs.pig_latin.__main__", [
        ("no such file", "--pairs none.txt"), ("lines of another form", "--pairs wiki.txt"),
        ("a number that cannot be", "--epochs 0"), ("a seed that cannot be", "--seeds -1"),
        ("an unknown run", "--only 32-smal"),
    ]),
    "python -m labs.recipe_study": ("labs.recipe_study.__main__", [
        ("a number that cannot be", "--jobs 0"),
    ]),
    "python -m labs.attention_study": ("labs.attention_study.__main__", [
        ("an unknown arm", "--only vanila"), ("a number that cannot be", "--steps 0"),
    ]),
    "python -m labs.attention_exploration.lookup": ("labs.attention_exploration.lookup", [
        ("a number that cannot be", "--jobs 0"),
    ]),
    "python -m labs.mini_transformer": ("labs.mini_transformer.__main__", [
        ("no such file", "--train none.txt"), ("an empty file", "--train empty.tsv"),
        ("not UTF-8", "--train bytes.txt"), ("an unknown variant", "--variant rop"),
        ("a number that cannot be", "--steps 0"),
    ]),
    "python -m labs.mini_transformer.check": ("labs.mini_transformer.check", [
        ("no such file", "none.py"), ("a file that is no Python", "wiki.txt"),
    ]),
    "python -m labs.pig_latin.translate": ("labs.pig_latin.translate", [
        ("no such model", "--model none.pt the"),
        ("a text in place of a model", "--model q.tsv the"),
        ("a letter beyond a to z", "Caf\u00e9"),
    ]),
    "python -m labs.scaling": ("labs.scaling.__main__", [
        ("an unknown task", "pig"), ("FLOPs that cannot be", "pig_latin --budgets 0"),
    ]),
    "python -m labs.microscope": ("labs.microscope.__main__", [
        ("no such params", "where --params none.params"),
        ("no such corpus", "where --corpus none.txt"),
        ("params of another corpus", "where --corpus other.txt"),
        ("a number that cannot be", "edit --layer 0"),
    ]),
    "python -m labs.microscope.edit": ("labs.microscope.edit", [
        ("a person who has no document", "Zed Ghent"),
        ("no such params", "Bo Ghent --params none.params"),
    ]),
    "python -m labs.microscope.capacity": ("labs.microscope.capacity", [
        ("an unknown size", "--sizes 30k"), ("a number that cannot be", "--people 0"),
    ]),
    "collect_submission.sh": ("collect_submission.sh", [
        ("nothing to hand in", ""),
    ]),
    "bench/train_step.py": ("train_step", [
        ("an unknown contender", "--only mine"), ("a number that cannot be", "--steps 0"),
    ]),
    "bench/machine.py": ("machine", [
        ("an unknown option", "--people 3"),
    ]),
    "data/fetch_course_data.py": ("fetch_course_data", [
        ("no such file", "none.zip"), ("a file that is no zip", "wiki.txt"),
        ("a folder without the files", "sub"), ("an address of another kind", "ftp://a/b"),
    ]),
}  # fmt: skip


def run(module: str, words: str) -> str:
    """Call a command's main; the sentence that it ends with, or nothing. Whatever else it raises
    is raised."""
    if module.endswith(".sh"):
        command = ["bash", str(ROOT / module), *words.split()]
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
        assert done.returncode == 2, done
        return done.stderr.strip()
    main: Callable = importlib.import_module(module).main
    told, sys.argv = io.StringIO(), [f"{module}.py", *words.split()]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(told):
        try:
            with errors_are_sentences():
                main()
        except SystemExit as end:
            if end.code != 2:
                raise UserError(f"{module} {words}: status {end.code}") from None
            (sentence,) = told.getvalue().strip().splitlines()
            return sentence.replace(os.path.relpath(ROOT), "...").replace(str(ROOT), "...")
    return ""


def sentences() -> dict[str, list[tuple[str, str]]]:
    """Command -> (kind, sentence) of each bad input. Works in a temporary folder."""
    before, argv, found, variants = os.getcwd(), sys.argv, {}, list(VARIANTS)
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        try:
            prepare(Path(name))
            files = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
            with locked("busy.params"):
                for command, (module, bad) in COMMANDS.items():
                    found[command] = [(kind, run(module, words)) for kind, words in bad]
            after = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
            taken = [(c, kind) for c, rows in found.items() for kind, said in rows if not said]
            if taken:
                raise UserError(f"no error: {taken}")
            changed = {path for path in {*files, *after} if files.get(path) != after.get(path)}
            if changed:
                raise UserError(f"a command that failed wrote {changed}")
        finally:
            os.chdir(before)
            sys.argv = argv
            for name in [name for name in VARIANTS if name not in variants]:
                del VARIANTS[name]  # which a lab registered
    return found


def page(found: dict[str, list[tuple[str, str]]]) -> str:
    """The text of docs/bad_input.md."""
    lines = [HEAD]
    for command, rows in found.items():
        lines += [f"## {command}", "", "| input | what it says |", "| --- | --- |"]
        for kind, said in rows:
            lines.append(f"| {kind} | {said.replace('|', chr(92) + '|')} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(sentences()), encoding="utf-8", newline="\n")
