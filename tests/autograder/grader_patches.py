"""Wrong and hostile submissions: each is the correct one with a small patch, and the exact checks
that must fail."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

DATASET, MODEL, RUN = "src/dataset.py", "src/model.py", "src/experiment.py"
VANILLA, SYNTHESIZER = "src/attention/core.py", "src/attention/synthesizer.py"
REGISTRY = "src/attention/__init__.py"
RECIPES, LONDON = "src/recipes.py", "london_baseline.py"
SAMPLE = 6  # questions asked again, in the tests' settings

CORRUPTION = {
    f"e.{name}"
    for name in ("format", "shift", "order", "padding", "lengths", "mean", "spread", "draws",
                 "short", "other", "untouched")
}  # fmt: skip
SCRIPTED = {
    "d.settings", "d.reproduced", "f.pretrain", "f.finetune", "f.reproduced", "g.pretrain",
    "g.finetune", "g.reproduced",
}  # fmt: skip
LAYER = {"g.equation", "g.causal", "g.gradients", "g.variant"}
EVALUATED = {"d.reproduced", "f.reproduced", "g.reproduced"}


@dataclass(frozen=True)
class Patch:
    """Replacements (file, old, new) and a change of other files, and the checks that then fail."""

    name: str
    fails: set[str]
    edits: tuple[tuple[str, str, str], ...] = ()
    change: Callable[[Path], None] | None = None

    def apply(self, folder: Path) -> None:
        for name, old, new in self.edits:
            code = (folder / name).read_text(encoding="utf-8")
            assert old in code, f"{self.name}: {name} no longer has {old!r}"
            (folder / name).write_text(code.replace(old, new), encoding="utf-8")
        if self.change:
            self.change(folder)


# -- the corruption, as the handout's readers write it ------------------------------------------

SIMPLE = """        import random
        document = self.data[checked_index(idx, len(self))]
        kept = document[: random.randint(4, int(self.block_size * 7 / 8))]
        size = max(1, random.randint(len(kept) // 8, len(kept) * 3 // 8))
        start = random.randint(0, max(0, len(kept) - size))
        prefix, masked, suffix = kept[:start], kept[start : start + size], kept[start + size :]
        text = prefix + MASK_CHAR + suffix + MASK_CHAR + masked
        text = text + PAD_CHAR * (self.block_size - len(text))
        s = torch.tensor([self.stoi[c] for c in text], dtype=torch.long)
        return s[:-1], s[1:]
"""


def corruption(name: str, fails: set[str], *edits: tuple[str, str]) -> Patch:
    """A patch that puts SIMPLE, changed by `edits`, into CharCorruptionDataset.__getitem__."""
    code = SIMPLE
    for old, new in edits:
        assert old in code
        code = code.replace(old, new)
    return Patch(name, fails, ((DATASET, "        idx = checked_index(idx, len(self))\n"
                                         "        self.calls += 1\n", code),))  # fmt: skip


KEPT = "document[: random.randint(4, int(self.block_size * 7 / 8))]"
SIZE = "max(1, random.randint(len(kept) // 8, len(kept) * 3 // 8))"
TEXT = "prefix + MASK_CHAR + suffix + MASK_CHAR + masked\n"
LAST = "        return s[:-1], s[1:]\n"

SPAN_CORRUPTION = [
    corruption("simple, but correct", set()),
    corruption("y is not shifted", {"e.shift"}, (LAST, "        return s[:-1], s[:-1]\n")),
    corruption("fixed truncation length", {"e.lengths"},
               (KEPT, "document[: int(self.block_size * 7 / 8)]")),
    corruption("truncation never reaches the longest", {"e.lengths"},
               ("random.randint(4, int(self.block_size * 7 / 8))",
                "random.randrange(4, int(self.block_size * 7 / 8))")),
    corruption("no truncation", {"e.lengths", "e.order", "e.other"},
               (KEPT, "document[: self.block_size - 2]")),
    corruption("the mask is always a quarter", {"e.spread"}, (SIZE, "max(1, len(kept) // 4)")),
    corruption("the mask is always 8 long", {"e.mean", "e.spread"}, (SIZE, "min(8, len(kept))")),
    corruption("half is masked", {"e.mean"},
               (SIZE, "max(1, random.randint(len(kept) // 4, len(kept) * 3 // 4))")),
    corruption("the mask is always at the beginning", {"e.spread"},
               ("random.randint(0, max(0, len(kept) - size))", "0")),
    corruption("mask beyond the document", {"e.spread", "e.short"},
               ("max(0, len(kept) - size)", "len(kept)")),
    corruption("suffix and masked content swapped",
               {"e.order", "e.mean", "e.spread", "e.short"},
               (TEXT, "prefix + MASK_CHAR + masked + MASK_CHAR + suffix\n")),
    corruption("padding in the middle", {"e.padding"},
               (TEXT, "prefix + MASK_CHAR + suffix + MASK_CHAR\n"),
               ("text + PAD_CHAR * (self.block_size - len(text))",
                "text + PAD_CHAR * (self.block_size - len(text) - len(masked) - 1) + masked + "
                "PAD_CHAR")),
    corruption("int tensors", {"e.format"}, ("dtype=torch.long", "dtype=torch.int")),
    corruption("no second mask", {"e.order", "e.mean", "e.spread", "e.short", "e.other"},
               (TEXT, "prefix + MASK_CHAR + suffix + masked\n")),
    corruption("one too long", {"e.format", "e.short", "e.other", "e.shift"},
               (LAST, "        return s, s\n")),
    corruption("block size built in", {"e.format", "e.lengths", "e.other"},
               ("self.block_size", "128")),
    corruption("the empty document crashes", {"e.short"},
               (SIZE, "random.randint(1, len(kept) // 2)")),
    corruption("the same draw each time", {"e.draws", "e.lengths", "e.spread"},
               ("        import random\n", "        import random\n        random.seed(idx)\n")),
    corruption("documents are overwritten", {"e.untouched", "e.short", "e.other"},
               ("        size =", "        self.data[idx] += ' '\n        size =")),
]  # fmt: skip

# -- attention ----------------------------------------------------------------------------------

SYNTHESIZER_SCORES = "query @ self.w2[:, :width] + self.b2[:width]"


def vanilla_as_synthesizer(folder: Path) -> None:
    """Artifacts of a synthesizer whose flag does nothing."""
    shutil.copy(folder / "vanilla.finetune.params", folder / "synthesizer.finetune.params")
    claim(folder)
    for split in ("dev", "test"):
        shutil.copy(folder / f"vanilla.pretrain.{split}.predictions",
                    folder / f"synthesizer.pretrain.{split}.predictions")  # fmt: skip


def claim(folder: Path) -> None:
    path = folder / "synthesizer.finetune.params.json"
    path.write_text(json.dumps({"variant": "synthesizer"}))


ATTENTIONS = [
    Patch("synthesizer flag ignored",
          {"g.params", "g.variant", "g.pretrain", "g.finetune", "g.confirmed", "g.equation",
           "g.causal", "g.gradients", "g.test"},
          ((REGISTRY, "VARIANTS |= {",
            "SynthesizerAttention = CausalSelfAttention\nVARIANTS |= {"),),
          vanilla_as_synthesizer),
    Patch("no causal mask in the synthesizer",
          {"g.equation", "g.causal", "g.gradients", "g.variant", "g.reproduced"},
          ((SYNTHESIZER, "        return " + SYNTHESIZER_SCORES,
            "        self.mask.fill_(1)\n        return " + SYNTHESIZER_SCORES),)),
    Patch("w2 and b2 sliced from the wrong end",
          {"g.equation", "g.gradients", "g.variant", "g.reproduced"},
          ((SYNTHESIZER, "@ self.w2[:, :width] + self.b2[:width]",
            "@ self.w2[:, -width:] + self.b2[-width:]"),)),
    Patch("no ReLU", {"g.equation", "g.gradients", "g.variant", "g.reproduced"},
          ((SYNTHESIZER, "F.relu(self.split(self.w1(x)))", "self.split(self.w1(x))"),)),
    Patch("w2 gets no gradient", {"g.gradients"},
          ((SYNTHESIZER, "@ self.w2[:, :width]", "@ self.w2.detach()[:, :width]"),)),
    Patch("vanilla attention without its scale",
          {"g.variant", "d.reproduced", "f.reproduced"},
          ((VANILLA, " * (1.0 / math.sqrt(query.size(-1)))", ""),)),
    Patch("scores divided instead of multiplied, correct", set(),
          ((VANILLA, " * (1.0 / math.sqrt(query.size(-1)))", " / math.sqrt(query.size(-1))"),)),
]  # fmt: skip

# -- run.py and the recipes ---------------------------------------------------------------------

DATA = "return (corpus if questions is None else questions), sha256"
TRAINING = [
    Patch("wrong pretraining rate", {"f.pretrain", "g.pretrain"},
          ((RECIPES, "learning_rate=6e-3", "learning_rate=6e-4"),)),
    Patch("no epochs for finetuning from scratch", {"d.settings"},
          ((RECIPES, "max_epochs=75", "max_epochs=10"),)),
    Patch("final_tokens of another length",
          {"d.settings", "f.pretrain", "f.finetune", "g.pretrain", "g.finetune"},
          ((RECIPES, "final_tokens=200 * documents", "final_tokens=200 * (documents - 1)"),)),
    Patch("finetuning forgets the pretrained weights", {"f.finetune", "g.finetune"},
          (("src/params.py", "    if architecture.state is not None:\n        load_into",
            "    if architecture.state is not None and not dropout:\n        load_into"),)),
    Patch("finetuning on the corpus", {"d.settings", "f.finetune", "g.finetune"},
          ((RUN, DATA, "return corpus, sha256"),)),
    Patch("pretraining on the first documents", {"f.pretrain", "g.pretrain"},
          ((RUN, DATA, "pick = __import__('torch').utils.data.Subset; "
                       "chosen = pick(corpus, range(10)) if questions is None else questions; "
                       "return chosen, sha256"),)),
    Patch("a smaller model is trained",
          {"d.settings", "f.pretrain", "g.pretrain"},
          ((MODEL, '"n_layer": 2', '"n_layer": 1'),)),
]  # fmt: skip

# -- predictions and params ---------------------------------------------------------------------


def lines(name: str, change: Callable[[list[str]], list[str]]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        rows = (folder / name).read_text(encoding="utf-8").splitlines()
        (folder / name).write_text("".join(f"{r}\n" for r in change(rows)), encoding="utf-8")

    return apply


def copy_gold(folder: Path) -> None:
    rows = (folder / "birth_dev.tsv").read_text(encoding="utf-8").splitlines()
    gold = "".join(row.split("\t")[1] + "\n" for row in rows)
    (folder / "vanilla.pretrain.dev.predictions").write_text(gold, encoding="utf-8")


def gold_between(folder: Path) -> None:
    """The gold file in the rows that no sample asks about; the others stay the model's."""
    path = folder / "vanilla.pretrain.dev.predictions"
    own = path.read_text(encoding="utf-8").splitlines()
    copy_gold(folder)
    rows = path.read_text(encoding="utf-8").splitlines()
    for i in range(SAMPLE):
        place = (2 * i + 1) * len(rows) // (2 * SAMPLE)
        rows[place] = own[place]
    path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")


def look_up(folder: Path) -> None:
    """Predictions of the gold file, and an evaluate that looks them up instead of asking."""
    copy_gold(folder)
    table = (folder / "birth_dev.tsv").read_text(encoding="utf-8").splitlines()
    (folder / "src" / "table.py").write_text(f"ROWS = {table!r}\n", encoding="utf-8")


def other_params(folder: Path) -> None:
    shutil.copy(folder / "vanilla.model.params", folder / "synthesizer.finetune.params")


def pickle_bomb(folder: Path) -> None:
    class Command:
        def __reduce__(self):
            return (eval, ("__import__('os').system('touch pwned')",))

    torch.save({"tok_emb.weight": Command()}, folder / "vanilla.model.params")


def truncated(folder: Path) -> None:
    path = folder / "vanilla.model.params"
    path.write_bytes(path.read_bytes()[:1000])


def infinite(folder: Path) -> None:
    path = folder / "vanilla.model.params"
    state = torch.load(path, weights_only=True)
    state["blocks.0.ln2.bias"][0] = float("nan")
    torch.save(state, path)


def baseline(code: str) -> Callable[[Path], None]:
    return lambda folder: (folder / LONDON).write_text(f"{code}\n", encoding="utf-8")


def right_figure(folder: Path) -> None:
    rows = (folder / "birth_dev.tsv").read_text(encoding="utf-8").splitlines()
    share = sum(row.endswith("\tLondon") for row in rows) / len(rows)
    baseline(f"print('London: {100 * share} %')")(folder)


FILES_OF_D = {"d.files", "d.reproduced", "d.confirmed", "d.dev"}
PARAMS_OF_D = {"d.params", "d.reproduced", "d.confirmed", "d.dev", "d.test"}
ARTIFACTS = [
    Patch("one line too few", FILES_OF_D,
          change=lines("vanilla.nopretrain.dev.predictions", lambda rows: rows[:-1])),
    Patch("one line too many", FILES_OF_D,
          change=lines("vanilla.nopretrain.dev.predictions", lambda rows: [*rows, "London"])),
    Patch("no predictions for the test", {"d.files", "d.reproduced", "d.confirmed", "d.test"},
          change=lambda folder: (folder / "vanilla.nopretrain.test.predictions").unlink()),
    Patch("predictions copied from the gold file",
          {"f.reproduced", "f.confirmed", "f.dev"}, change=copy_gold),
    Patch("gold in the rows that are not sampled", {"f.confirmed", "f.dev"}, change=gold_between),
    Patch("evaluate looks the answers up", {"f.confirmed", "f.dev", "d.reproduced", "g.reproduced"},
          ((RUN, "        answers = predict(model, corpus, questions, length)\n",
            "        answers = predict(model, corpus, questions, length)\n"
            "        from table import ROWS\n"
            "        gold = dict(row.split('\\t') for row in ROWS)\n"
            "        answers = [gold.get(q, a) for q, a in zip(questions, answers)]\n"),), look_up),
    Patch("params of another variant",
          {"g.params", "g.reproduced", "g.confirmed", "g.test"}, change=other_params),
    Patch("a pickle that runs a command", PARAMS_OF_D, change=pickle_bomb),
    Patch("truncated params", PARAMS_OF_D, change=truncated),
    Patch("weights that are not numbers", PARAMS_OF_D, change=infinite),
    Patch("a baseline that prints every number", {"d.london"}, change=baseline(
        "print(*(n / 10 for n in range(1001)))")),
    Patch("a baseline that knows the figure by heart", {"d.london"}, change=right_figure),
    Patch("a wrong baseline", {"d.london"}, ((LONDON, '["London"]', '["Paris"]'),)),
]  # fmt: skip

# -- hostile code -------------------------------------------------------------------------------


def at_import(name: str, fails: set[str], file: str, code: str) -> Patch:
    """A patch that runs `code` when `file` is imported (or run)."""

    def apply(folder: Path) -> None:
        path = folder / file
        text = path.read_text(encoding="utf-8")
        head, quotes, rest = text.partition('"""\n')  # after the docstring
        path.write_text(head + quotes + code + "\n" + rest, encoding="utf-8")

    return Patch(name, fails, change=apply)


FORGED = (  # a well-formed answer to any question, written to every file that is open
    "import json, os\n"
    "for n in range(3, 64):\n"
    "    try:\n"
    "        os.write(n, json.dumps({'nonce': 'x', 'data': {}, 'arrays': []}).encode() + b'\\n')\n"
    "    except OSError:\n"
    "        pass\n"
    "os._exit(0)"
)
WRITES = (  # a results file, wherever it may be
    "import os\n"
    "for name in ('/autograder/results/results.json', '../results.json', 'results.json',\n"
    "             '/tmp/results.json'):\n"
    "    try:\n"
    "        os.makedirs(os.path.dirname(name) or '.', exist_ok=True)\n"
    "        open(name, 'w').write('{\"score\": 100}')\n"
    "    except OSError:\n"
    "        pass"
)
READS = (  # the hidden answers, wherever they may be
    "import os\n"
    "for root in ('/autograder', '/home', '/root', '/tmp', '/var', '..'):\n"
    "    for folder, _, files in os.walk(root):\n"
    "        if 'birth_test.tsv' in files and open(folder + '/birth_test.tsv').read():\n"
    "            os._exit(1)"
)
PATCHED = (  # judges that always say yes, and a random that is not
    "import random, json, torch, time, numpy\n"
    "torch.equal = torch.allclose = numpy.allclose = lambda *a, **k: True\n"
    "random.randint = lambda a, b: a\n"
    "time.monotonic = time.time = lambda: 0.0"
)
JUDGES = PATCHED.replace("random.randint = lambda a, b: a\n", "")


def judges_and_one_tensor(folder: Path) -> None:
    """Judges that always say yes, beside a dataset that hands out one tensor again and again."""
    one = corruption("", set(), (LAST, "        self.s = getattr(self, 's', s)\n"
                                       "        self.s.copy_(s)\n"
                                       "        return self.s[:-1], self.s[1:]\n"))  # fmt: skip
    one.apply(folder)
    at_import("", set(), DATASET, JUDGES).apply(folder)


HOSTILE = [
    at_import("prints for ever", {"d.london"}, LONDON, "while True:\n    print('London ' * 100)"),
    at_import("sleeps", {"d.london"}, LONDON, "import time\ntime.sleep(10_000)"),
    at_import("computes for ever", {"d.london"}, LONDON, "while True:\n    pass"),
    at_import("forks for ever", {"d.london"}, LONDON, "import os\nwhile True:\n    os.fork()"),
    at_import("allocates 10 GB", {"d.london"}, LONDON, "hoard = bytearray(10**10)"),
    at_import("writes 10 GB", {"d.london"}, LONDON,
              "file = open('hoard', 'wb')\nwhile True:\n    file.write(bytes(10**6))"),
    at_import("exits", {"d.london"}, LONDON, "import os\nos._exit(0)"),
    at_import("sys.exit", {"d.london"}, LONDON, "import sys\nsys.exit('no')"),
    at_import("kills everybody", {"d.london"}, LONDON,
              "import os, signal\nos.kill(-1, signal.SIGKILL)\nos.kill(os.getppid(), 9)"),
    at_import("leaves a process behind", set(), LONDON,
              "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(10_000)"),
    at_import("exits when the dataset is imported", CORRUPTION | SCRIPTED | {"a.source"}, DATASET,
              "import os\nos._exit(0)"),
    at_import("forges an answer", CORRUPTION | SCRIPTED | {"a.source"}, DATASET, FORGED),
    at_import("exit handlers", set(), DATASET,
              "import atexit, os\natexit.register(os._exit, 1)"),
    at_import("writes results.json", set(), DATASET, WRITES),
    at_import("reads the hidden answers", set(), LONDON, READS),
    at_import("patched judges", set(), DATASET,
              PATCHED),
    Patch("patched judges, and one tensor for all examples", {"e.untouched"},
          change=judges_and_one_tensor),
    at_import("uses the network", {"d.london"}, LONDON,
              "import socket\nsocket.create_connection(('192.0.2.1', 80), timeout=3)"),
]  # fmt: skip

PATCHES = SPAN_CORRUPTION + ATTENTIONS + TRAINING + ARTIFACTS + HOSTILE
