"""The starter kit: worth nothing as it is, full marks when its bodies are written, and the same
model, losses and commands as the solution's."""

import ast
import json
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch
from conftest import ROOT, run_script
from grader_world import SIZES, failed, shared, why
from make_starter import DATA, make_starter

import run as solution_run

BODIES = {  # (file, function) -> what a student writes into it
    ("src/run.py", "build_model"): """
        config = GPTConfig(vocab_size, BLOCK_SIZE, **SIZES)
        config.synthesizer = variant == "synthesizer"
        return GPT(config)
        """,
    ("src/run.py", "pretraining"): """
        config = TrainerConfig(
            max_epochs=650, batch_size=128, learning_rate=6e-3, lr_decay=True, num_workers=4,
            warmup_tokens=512 * 20, final_tokens=200 * len(pretrain_dataset) * BLOCK_SIZE,
        )
        return Trainer(model, pretrain_dataset, None, config)
        """,
    ("src/run.py", "finetuning"): """
        epochs = 75
        if reading_params_path is not None:
            model.load_state_dict(torch.load(reading_params_path))
            epochs = 10
        config = TrainerConfig(
            max_epochs=epochs, batch_size=256, learning_rate=6e-4, lr_decay=True, num_workers=4,
            warmup_tokens=512 * 20, final_tokens=200 * len(pretrain_dataset) * BLOCK_SIZE,
        )
        return Trainer(model, NameDataset(pretrain_dataset, questions), None, config)
        """,
    ("src/dataset.py", "CharCorruptionDataset.__getitem__"): """
        document = self.data[idx][: random.randint(4, int(self.block_size * 7 / 8))]
        size = len(document)
        if size < 4:
            size = width = begin = 0
        else:  # 1 ... size / 2 - 1, rounded up or down: a quarter on average
            width = random.randint(1, max(1, (size - random.randint(1, 2)) // 2))
            begin = random.randint(0, size - width)
        masked = document[begin : begin + width]
        rest = document[:begin] + MASK_CHAR + document[begin + width :]
        text = (rest + MASK_CHAR + masked).ljust(self.block_size, PAD_CHAR)
        indices = torch.tensor([self.stoi[char] for char in text], dtype=torch.long)
        return indices[:-1], indices[1:].clone()
        """,
    ("src/attention.py", "SynthesizerAttention.forward"): """
        B, T, C = x.shape
        size = C // self.n_head
        hidden = F.relu(self.w1(x)).view(B, T, self.n_head, size).transpose(1, 2)
        values = self.value(x).view(B, T, self.n_head, size).transpose(1, 2)
        scores = hidden @ self.w2[:, :T] + self.b2[:T]
        scores = scores.masked_fill(self.mask[:, :, :T, :T] == 0, float("-inf"))
        mixed = self.attn_drop(F.softmax(scores, dim=-1)) @ values
        return self.resid_drop(self.proj(mixed.transpose(1, 2).reshape(B, T, C)))
        """,
}  # fmt: skip
LONDON = """
    from pathlib import Path

    rows = Path("birth_dev.tsv").read_text(encoding="utf-8").splitlines()
    print(100 * sum(row.endswith("\\tLondon") for row in rows) / len(rows))
    """
TRAINED = """
    import json, sys
    import torch
    sys.path.insert(0, "src")
    from model import GPT, GPTConfig
    from trainer import Trainer, TrainerConfig

    known = torch.load(sys.argv[1], weights_only=True)
    torch.manual_seed(7)
    off = dict(embd_pdrop=0.0, resid_pdrop=0.0, attn_pdrop=0.0)
    model = GPT(GPTConfig(**known["config"], **off, synthesizer=sys.argv[2] == "synthesizer"))
    torch.save({name: value.clone() for name, value in model.state_dict().items()}, "initial.pt")
    pairs = torch.utils.data.TensorDataset(known["x"].flatten(0, 1), known["y"].flatten(0, 1))
    config = TrainerConfig(max_epochs=1, batch_size=5, lr_decay=True, **known["trainer"])
    trainer = Trainer(model, pairs, None, config)
    trainer.train()
    torch.save(model.state_dict(), "final.pt")
    print(json.dumps(trainer.losses))
    """


def function(tree: ast.Module, name: str) -> ast.FunctionDef:
    scope: ast.AST = tree
    for word in name.split("."):
        scope = next(node for node in scope.body if getattr(node, "name", None) == word)
    return scope


def write_body(path: Path, name: str, body: str) -> None:
    """Replace the body of a function, as a student would."""
    source = path.read_text(encoding="utf-8")
    lines = source.splitlines()
    node = function(ast.parse(source), name)
    indent = " " * (node.col_offset + 4)
    lines[node.lineno : node.end_lineno] = [textwrap.indent(textwrap.dedent(body), indent)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def fill(kit: Path) -> None:
    for (file, name), body in BODIES.items():
        write_body(kit / file, name, body)
    (kit / "london_baseline.py").write_text(textwrap.dedent(LONDON), encoding="utf-8")


@pytest.fixture
def kit(tmp_path):
    make_starter(tmp_path / "kit")
    return tmp_path / "kit"


@pytest.fixture
def filled(kit):
    fill(kit)
    return kit


def for_the_grader(kit: Path) -> Path:
    """The kit with the sizes of the tests' world, and its params and predictions."""
    path = kit / "src" / "run.py"
    code = path.read_text(encoding="utf-8")
    assert "dict(n_layer=4, n_head=8, n_embd=256)" in code
    small = {name: size for name, size in SIZES.items() if name != "block_size"}
    path.write_text(code.replace("dict(n_layer=4, n_head=8, n_embd=256)", repr(small)))
    correct = shared().correct
    for file in (*correct.glob("*.params"), *correct.glob("*.predictions")):
        shutil.copy(file, kit)
    return kit


def python(*args, cwd: Path) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *map(str, args)], cwd=cwd, capture_output=True,
                          text=True, timeout=200)  # fmt: skip


def collect(kit: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["bash", "collect_submission.sh"], cwd=kit, capture_output=True, text=True,
        env={"PYTHON": sys.executable, "PATH": "/usr/bin:/bin"},
    )  # fmt: skip


# -- as it is handed out ------------------------------------------------------------------------


def test_the_unfilled_kit_scores_nothing(kit):
    report = shared().grade(kit)
    assert report.score == 0, [r.entry["name"] for r in report.results if r.score]


def test_the_kit_has_these_files_and_no_others(kit):
    found = {str(path.relative_to(kit)) for path in kit.rglob("*") if path.is_file()}
    modules = ("attention", "dataset", "model", "run", "trainer", "utils")
    assert found == {
        "README.md", "LICENSE", "requirements.txt", "collect_submission.sh", "london_baseline.py",
        "tests/parts.py", *DATA, *(f"src/{name}.py" for name in modules),
        *(f"tests/test_part_{part}.py" for part in "cdefg"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["src/dataset.py", "charcorruption"], "part e"),
        (["london_baseline.py"], "part d"),
        (["src/run.py", "pretrain", "vanilla", "wiki.txt"], "part c"),
        (["src/run.py", "finetune", "synthesizer", "wiki.txt"], "part g"),
    ],
)
def test_a_todo_is_named_without_a_traceback(kit, arguments, part):
    run = python(*arguments, cwd=kit)
    assert run.returncode != 0
    assert run.stderr.startswith(f"TODO, {part}: ") and len(run.stderr.splitlines()) == 1


def test_the_questions_can_be_looked_at(kit):
    run = python("src/dataset.py", "namedata", cwd=kit)
    assert run.returncode == 0 and run.stdout.count("x: Where was ") == 4


def test_its_tests_skip_what_is_not_written(kit):
    run = python("-m", "unittest", "discover", "-v", "tests", cwd=kit)
    assert run.returncode == 0 and "Traceback" not in run.stderr
    assert run.stderr.splitlines()[-1] == "OK (skipped=15)"


def test_an_existing_folder_is_not_overwritten(tmp_path):
    run = run_script("autograder/make_starter.py", tmp_path)
    assert run.returncode == 2 and run.stderr == f"error: {tmp_path} exists; name a new folder\n"
    run = run_script("autograder/make_starter.py", tmp_path / "kit", "--data", tmp_path)
    assert run.returncode == 2 and "wiki.txt: no such file" in run.stderr
    assert not (tmp_path / "kit").exists()


def test_the_commands_and_flags_are_the_handouts(kit):
    """All of the kit's are the solution's too."""
    text = python("src/run.py", "--help", cwd=kit).stdout
    flags = set(re.findall(r"--\w+", text)) - {"--help"}
    assert flags == {"--reading_params_path", "--writing_params_path", "--finetune_corpus_path",
                     "--eval_corpus_path", "--outputs_path"}  # fmt: skip
    readme = (kit / "README.md").read_text(encoding="utf-8").replace("\\\n", " ")
    commands = re.findall(r"^    python src/run\.py (.*)$", readme, re.MULTILINE)
    assert len(commands) == 7
    for command in commands:
        args = solution_run.parser().parse_args(command.split())
        assert args.pretrain_corpus_path == "wiki.txt"
        assert flags >= {word for word in command.split() if word.startswith("--")}


# -- with its bodies written --------------------------------------------------------------------


def test_the_filled_kit_gets_full_marks(filled):
    report = shared().grade(for_the_grader(filled))
    assert failed(report) == set(), why(report)
    assert report.score == report.most == 33


def test_its_tests_pass_when_the_bodies_are_written(filled):
    run = python("-m", "unittest", "discover", "tests", cwd=filled)
    assert run.returncode == 0 and run.stderr.splitlines()[-1] == "OK", run.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "old", "new", "test"),
    [
        ("src/run.py", "epochs = 10", "epochs = 75", "f"),
        ("src/run.py", "max_epochs=epochs, batch_size=256", "max_epochs=epochs", "c"),
        ("src/dataset.py", "random.randint(4, int", "random.randint(5, int", "e"),
        ("src/attention.py", "F.relu(self.w1(x))", "self.w1(x)", "g"),
        ("london_baseline.py", "/ len(rows)", "/ 437", "d"),
    ],
)
def test_its_tests_find_mistakes(filled, file, old, new, test):
    code = (filled / file).read_text(encoding="utf-8")
    assert old in code
    (filled / file).write_text(code.replace(old, new), encoding="utf-8")
    run = python(f"tests/test_part_{test}.py", cwd=filled)
    assert run.returncode == 1 and "FAILED (failures=1)" in run.stderr, run.stderr


@pytest.mark.parametrize("variant", ["vanilla", "synthesizer"])
def test_its_weights_and_losses_are_the_courses(filled, variant):
    """Twenty steps of the course's own program (tests/reference/)."""
    path = ROOT / "tests" / "reference" / f"{variant}.pt"
    run = python("-c", textwrap.dedent(TRAINED), path, variant, cwd=filled)
    assert run.returncode == 0, run.stderr
    known = torch.load(path, weights_only=True)
    losses = torch.tensor(json.loads(run.stdout.splitlines()[-1]), dtype=torch.float64)
    torch.testing.assert_close(losses, known["losses"], rtol=0, atol=1e-5)
    for file, tolerance in (("initial", 0), ("final", 1e-4)):
        state = torch.load(filled / f"{file}.pt", weights_only=True)
        assert list(state) == list(known[file])
        for name, value in known[file].items():
            torch.testing.assert_close(state[name], value, rtol=0, atol=tolerance)


@pytest.mark.slow
def test_the_handouts_commands_make_a_submission(filled):
    """All seven, on a small world, with a small model and the shortest training there is."""
    code = (filled / "src" / "run.py").read_text(encoding="utf-8")
    code = code.replace("n_layer=4, n_head=8, n_embd=256", "n_layer=1, n_head=1, n_embd=8")
    code = re.sub(r"max_epochs=\w+", "max_epochs=1", code).replace("num_workers=4", "num_workers=0")
    (filled / "src" / "run.py").write_text(code, encoding="utf-8")
    for name in DATA:
        rows = (shared().world.data / name).read_text(encoding="utf-8")
        (filled / name).write_text(rows, encoding="utf-8")
    missing = collect(filled)
    assert missing.returncode == 2 and "vanilla.model.params is missing" in missing.stderr
    readme = (filled / "README.md").read_text(encoding="utf-8").replace("\\\n", " ")
    commands = re.findall(r"^    python (src/run\.py .*)$", readme, re.MULTILINE)
    commands += [c.replace("vanilla", "synthesizer") for c in commands[3:]]
    for command in commands:
        run = python(*command.split(), cwd=filled)
        assert run.returncode == 0, run.stderr
    done = collect(filled)
    assert done.returncode == 0 and (filled / "assignment5.zip").is_file(), done.stderr
