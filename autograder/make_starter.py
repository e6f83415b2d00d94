"""The starter kit for students: python autograder/make_starter.py OUT.

The course's six files, and what they import: the bodies that the handout asks for become a TODO
with its specification; what the handout does not ask for is left out; all else stays and runs.
"""

import argparse
import ast
import shutil
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
DATA = ("wiki.txt", "birth_places_train.tsv", "birth_dev.tsv", "birth_test_inputs.tsv")


@dataclass(frozen=True)
class Blank:
    """A function whose body the student writes. `signature` replaces its own where that is not the
    handout's; `gone`: helpers of the solution that disappear with it; `given`: what comes instead
    of them."""

    file: str
    name: str
    part: str
    specification: str
    signature: str = ""
    gone: tuple[str, ...] = ()
    given: str = ""


BLANKS = (
    Blank(
        "src/run.py", "build_model", "part c",
        "Make the model of the variant args.variant: a GPTConfig of dataset.vocab_size and the "
        "sizes (its `vocabulary`, where not None, must be that of the dataset), then a GPT. "
        "Load `state` into it where that is not None (checkpoint.load_into). Return the model.",
    ),
    Blank(
        "src/run.py", "build_training", "parts c and f",
        "Finetune: if args.reading_params_path is given, start from those params. Then train on "
        "a NameDataset of args.finetune_corpus_path: with pretrained params 10 epochs, without "
        "them 75; batch size 256, learning rate 6e-4. Pretrain: train on the span corruption of "
        "the corpus for 650 epochs; batch size 128, learning rate 6e-3. All: lr_decay True, "
        "warmup_tokens 512*20, final_tokens 200*len(pretrain_dataset)*block_size, num_workers 4. "
        "read_params (the params and sizes) and load_corpus do the reading; the dropout is 0.1. "
        "Return a trainer.Trainer with a TrainerConfig, whose other fields may stay as they are; "
        "train() runs it and writes args.writing_params_path.",
        gone=("questions_seen", "phase_name", "training_files", "training_data", "log_folder"),
    ),
    Blank(
        "src/dataset.py", "CharCorruptionDataset.__getitem__", "part e",
        "1. Take document idx of self.data. 2. Truncate it at random to no fewer than 4 and no "
        "more than int(self.block_size*7/8) characters; every length is possible; a shorter "
        "document stays whole, an empty one must not fail. 3. Break it into [prefix] "
        "[masked_content] [suffix]: masked_content is anywhere in it, at least one character, of "
        "random length, on average a quarter of the truncated document. 4. Rearrange to "
        "[prefix] MASK_CHAR [suffix] MASK_CHAR [masked_content] [pads], with PAD_CHAR up to "
        "block_size characters. 5. x is that string without its last character, y without its "
        "first. 6. Return both as torch.long tensors of indices (self.stoi). Each call draws anew.",
        gone=("CharCorruptionDataset.spans", "CharCorruptionDataset.render",
              "CharCorruptionDataset.batch"),
    ),
    Blank(
        "src/attention/synthesizer.py", "SynthesizerAttention.scores", "part g",
        "For each head, Y = softmax(ReLU(X A + b1) B + b2)(X V), masked so that position t sees "
        "positions up to t only. self.w1: A and b1 of all heads side by side; self.w2, self.b2: B "
        "and b2, sliced to the T positions at hand; self.value: V; self.mask: 1 where t may see "
        "s. Softmax, attn_drop, weighted sum; then the heads side by side, proj and resid_drop, "
        "as in CausalSelfAttention. x is (B, T, C), and so is what you return.",
        signature="def forward(self, x: Tensor, layer_past=None) -> Tensor:",
        gone=("SynthesizerAttention.project", "FactorizedDenseSynthesizer", "factors",
              "RandomSynthesizer", "FixedRandomSynthesizer", "FactorizedRandomSynthesizer",
              "MixtureSynthesizer"),
        given="""
    def prefill(self, x: Tensor, state: dict) -> Tensor:
        # given: generation asks forward again about all positions so far
        past = x if state["past"] is None else torch.cat((state["past"], x), dim=1)
        state["past"] = past
        return self.forward(past)[:, -x.shape[1] :]""",
    ),
)  # fmt: skip

# The kit has the course's two variants, in one file: these parts of src/attention/, in this order.
ATTENTION = ("registry.py", "positions.py", "core.py", "synthesizer.py", "block.py")
ATTENTION_HEAD = """Attention layers, blocks, and the one registry of variants: a class, a line.

Shapes: B batch, T positions, C channels (n_embd), H heads, D = C / H channels of a head,
N = block_size, S positions seen so far. Every layer maps (B, T, C) to (B, T, C) and is causal:
output t depends on inputs up to t only.
"""
REGISTRY = """

VARIANTS |= {
    "vanilla": Variant(CausalSelfAttention),
    "synthesizer": Variant(SynthesizerAttention),
}
"""

FILES = (  # the course's six (attention.py is made below), and what they import
    "run.py", "dataset.py", "model.py", "trainer.py", "utils.py",
    "checkpoint.py", "decode.py", "distributed.py", "dropout.py", "engine.py", "evaluation.py",
    "files.py", "optimizers.py", "runlog.py",
)  # fmt: skip
END = "\0"  # of a file
CUTS = (  # (file, from here, up to there, what stands instead): the reports, recipes, long runs
    ("run.py", "import contextlib\n", "import os", ""),
    ("run.py", "    digest,\n", "    errors_are", ""),
    ("run.py", "import time\n", "\nimport checkpoint", ""),
    ("run.py", "import COMPILE, DEVICES, PRECISIONS, pick_device", "\n",
     "import DEVICES, pick_device"),
    ("run.py", "from evaluation import (", "from files",
     "from evaluation import load_questions, predict, write_predictions\n"),
    ("run.py", "from knowledge", "from model", ""),
    ("run.py", "from optimizers", "\nSTARTED", ""),
    ("run.py", "STARTED", "ARCHITECTURE", ""),
    ("run.py", "    p.add_argument(\n        \"--report\"", "\n    run = ", ""),
    ("run.py", "    run.add_argument(\n        \"--recipe\"", "    add_sizes(run)", ""),
    ("run.py", "def add_length", "def add_sizes", ""),
    ("run.py", "    machine.add_argument(\"--precision\"", "    return p", ""),
    ("run.py", "    if not args.resume and", "    run.train()", ""),
    ("run.py", "    try:\n        save(", "    for path in (run.config",
     "    save(args, run, args.writing_params_path, run.total_steps)\n"),
    ("run.py", "    for path in (run.config", "\n\ndef save", ""),
    ("run.py", "    config, phase = run.model", "    description =",
     "    config = run.model.config\n"),
    ("run.py", "        \"recipe\": args.recipe,\n", "        \"function\"", ""),
    ("run.py", "        \"unicode_names\": bool(", "    }", ""),
    ("run.py", "    rows_path = ", "    corpus_path, eval_path", ""),
    ("run.py", "    corpus_path, eval_path, *train_path", " = find", "    corpus_path, eval_path"),
    ("run.py", "    if args.report:\n", "    write_predictions(",
     "    answers = predict(model, corpus, questions)\n"),
    ("run.py", "    if args.pretrained_params_path and not", "    if not distributed", ""),
    ("evaluation.py", '"""Answers to', "import torch",
     '"""Answers to the questions of a file."""\n\n'),
    ("evaluation.py", "import checkpoint\nimport confidence\n", "import decode", ""),
    ("evaluation.py", ", check_question, vocabulary_hash", "\n", ", check_question"),
    ("evaluation.py", "from model", "\nANSWER_LENGTH", ""),
    ("evaluation.py", "SAMPLES = ", "\n\ndef load_rows", ""),
    ("evaluation.py", f"\n\n# {'-' * 93}\n# What a report needs", END, ""),
)  # fmt: skip

BASELINE = '''"""The accuracy of answering "London" to every question (handout, part d)."""

# TODO (part d): print the accuracy of a model that answers "London" to every question of
# birth_dev.tsv. A few lines; src/utils.py has what you need.
raise NotImplementedError("part d: london_baseline.py is not written yet")
'''


def find(tree: ast.Module, name: str) -> ast.FunctionDef:
    """The function `name` or `Class.name`. Raises LookupError where the file has none."""
    scope: ast.AST = tree
    for word in name.split("."):
        for node in getattr(scope, "body", ()):
            if getattr(node, "name", None) == word:
                scope = node
                break
        else:
            raise LookupError(f"no {name}")
    return scope


def first_line(node: ast.FunctionDef) -> int:
    """The line before which the function, with its decorators, begins (from 0)."""
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]) - 1


def todo(blank: Blank, node: ast.FunctionDef, lines: list[str]) -> list[str]:
    """The lines that stand in the kit instead of the function."""
    indent = " " * node.col_offset
    if blank.signature:
        head = [indent + blank.signature]
    else:
        kept = node.body[0].end_lineno if ast.get_docstring(node) else node.body[0].lineno - 1
        head = lines[first_line(node) : kept]
    text = textwrap.wrap(f"TODO ({blank.part}): {blank.specification}", 90 - len(indent))
    short = blank.name.replace(".scores", ".forward")
    return [
        *head,
        *(f"{indent}    # {line}" for line in text),
        f'{indent}    raise NotImplementedError("{blank.part}: {short} is not written yet")',
        *blank.given.splitlines(),
    ]


def blanked(source: str, blanks: list[Blank]) -> str:
    """The source with the bodies of `blanks` replaced, and their helpers removed."""
    tree, lines = ast.parse(source), source.splitlines()
    changes = []
    for blank in blanks:
        node = find(tree, blank.name)
        changes.append((first_line(node), node.end_lineno, todo(blank, node, lines)))
        for name in blank.gone:
            node = find(tree, name)
            end = node.end_lineno
            while end < len(lines) and not lines[end].strip() and lines[end - 1].strip():
                end += 1
            changes.append((first_line(node), end, []))
    for start, end, new in sorted(changes, key=lambda change: change[0], reverse=True):
        lines[start:end] = new
    return "\n".join(lines).rstrip("\n") + "\n"


def cut(sources: dict[str, str]) -> None:
    """Take CUTS out of the files. Raises LookupError where src/ no longer has them."""
    for name, start, end, instead in CUTS:
        text = sources[name] + END
        begin = text.find(start)
        stop = text.find(end, begin + len(start))
        if begin < 0 or stop < 0:
            raise LookupError(f"{name}: no {start!r} ... {end!r}; mend CUTS in make_starter.py")
        sources[name] = (text[:begin] + instead + text[stop:]).rstrip(END)


def one_file(parts: list[str]) -> str:
    """The modules of src/attention/ as one: their imports of others first, none of each other."""
    whole, chosen, bodies = set(), {}, []
    for text in parts:
        lines = text.splitlines()
        for node in reversed(ast.parse(text).body):
            if isinstance(node, ast.Import):
                whole.add(ast.unparse(node))
            elif isinstance(node, ast.ImportFrom):
                chosen.setdefault(node.module, set()).update(alias.name for alias in node.names)
            elif not (isinstance(node, ast.Expr) and node.lineno == 1):  # a docstring
                continue
            del lines[node.lineno - 1 : node.end_lineno]
        bodies.append("\n".join(lines).strip("\n"))
    froms = [
        f"from {module} import {', '.join(sorted(names))}"
        for module, names in sorted(chosen.items())
        if not module.startswith("attention")
    ]
    head = "\n".join(sorted(whole) + froms)
    return f'"""{ATTENTION_HEAD}"""\n\n{head}\n\n\n' + "\n\n\n".join(bodies) + "\n" + REGISTRY


def read(project: Path, name: str) -> str:
    """A file of src/, its bodies blanked."""
    text = (project / "src" / name).read_text(encoding="utf-8")
    try:
        return blanked(text, [blank for blank in BLANKS if blank.file == f"src/{name}"])
    except LookupError as error:
        raise LookupError(f"{name}: {error.args[0]}; mend BLANKS in make_starter.py") from None


def make_starter(out: Path, project: Path = PROJECT) -> None:
    """Write the kit to the new folder `out`. Raises FileExistsError, LookupError or OSError."""
    out.mkdir(parents=True)
    sources = {name: read(project, name) for name in FILES}
    cut(sources)
    sources["attention.py"] = one_file([read(project, f"attention/{name}") for name in ATTENTION])
    (out / "src").mkdir()
    for name, text in sources.items():
        (out / "src" / name).write_text(text, encoding="utf-8")
    (out / "london_baseline.py").write_text(BASELINE, encoding="utf-8")
    for name in ("collect_submission.sh", "requirements.txt", "LICENSE"):
        if (project / name).is_file():
            shutil.copy(project / name, out)
    (out / "data").mkdir()
    for name in DATA:
        if (project / "data" / name).is_file():
            shutil.copy(project / "data" / name, out / "data")
    if (project / "mingpt-demo").is_dir():
        ignore = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
        shutil.copytree(project / "mingpt-demo", out / "mingpt-demo", ignore=ignore)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="a folder that does not exist yet")
    out = parser.parse_args().out
    try:
        make_starter(out)
    except FileExistsError:
        print(f"error: {out} exists; name a new folder", file=sys.stderr)
        sys.exit(2)
    except (LookupError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    print(f"{out}: {len(BLANKS) + 1} bodies to write; look for TODO")


if __name__ == "__main__":
    main()
