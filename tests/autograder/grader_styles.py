"""Small submissions in the styles of real ones, one property each: an edition, what turns
submission_a (script style, 2021) into it, and one real mistake with the checks that it fails."""

import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
RUN, DATASET, MODEL = "src/run.py", "src/dataset.py", "src/model.py"
ATTENTION, LONDON = "src/attention.py", "london_baseline.py"
Edit = tuple[str, str, str]


@dataclass(frozen=True)
class Style:
    """`prepare` works on the folder before the mistake is made, `pack` on the finished one."""

    name: str
    edition: str
    prepare: Callable[[Path], None]
    mistake: Edit
    fails: set[str]
    pack: Callable[[Path], Path] = lambda folder: folder


def edit(folder: Path, *edits: Edit) -> None:
    for name, old, new in edits:
        code = (folder / name).read_text(encoding="utf-8")
        assert old in code, f"{name} has no {old!r}"
        (folder / name).write_text(code.replace(old, new), encoding="utf-8")


def edits(*changes: Edit) -> Callable[[Path], None]:
    return lambda folder: edit(folder, *changes)


# -- 2021 ---------------------------------------------------------------------------------------

CLASS_IN_RUN = """
class Other(model.GPT):
    def __init__(self, config, layer):
        super().__init__(config)
        for block in self.blocks:
            block.attn = layer(config)


import attention
layers = {"vanilla": attention.CausalSelfAttention, "synthesizer": attention.SynthesizerAttention}
model = Other(mconf, layers[args.variant]).to(device)
"""
FLAG = 'if args.variant == "synthesizer":\n    mconf.synthesizer = True\n'
BUILT = "model = model.GPT(mconf).to(device)\n"
BASELINE = """import argparse
p = argparse.ArgumentParser()
p.add_argument("--eval_corpus_path", required=True)
p.add_argument("--outputs_path", required=True)
args = p.parse_args()
rows = open(args.eval_corpus_path, encoding="utf-8").read().splitlines()
right = sum(row.split("\\t")[1] == "London" for row in rows)
open(args.outputs_path, "w").write("London\\n" * len(rows))
print(f"Correct: {right} out of {len(rows)}: {right / len(rows) * 100}%")
"""


def baseline_in_src(folder: Path) -> None:
    (folder / LONDON).unlink()
    (folder / "src" / LONDON).write_text(BASELINE, encoding="utf-8")


def saved_on_a_gpu(folder: Path) -> None:
    """Params whose storages say cuda:0, as torch.save writes them on a machine with a GPU."""
    known = torch.serialization.location_tag
    torch.serialization.location_tag = lambda storage: "cuda:0"
    try:
        for path in folder.glob("*.params"):
            torch.save(torch.load(path, weights_only=True), path)
    finally:
        torch.serialization.location_tag = known


def zipped(folder: Path, name: Callable[[Path], str], *more: str) -> Path:
    target = folder.with_name("submission.zip")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.writestr(zipfile.ZipInfo(name(path.relative_to(folder))),
                                 path.read_bytes())  # fmt: skip
        for extra in more:
            archive.writestr(extra, "left behind")
    return target


def macos(folder: Path) -> Path:
    return zipped(folder, lambda path: f"work/{path}", ".DS_Store", "work/src/._run.py",
                  "__MACOSX/work/._src", "README.md")  # fmt: skip


def windows(folder: Path) -> Path:
    for path in folder.glob("*.predictions"):
        path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    return zipped(folder, lambda path: "work\\" + str(path).replace("/", "\\"))


CONSTRUCTOR = (
    (MODEL, "    def __init__(self, config):\n        super().__init__()\n        self.ln1",
     "    def __init__(self, config, synthesizer):\n        super().__init__()\n        self.ln1"),
    (MODEL, "if config.synthesizer:", "if synthesizer:"),
    (MODEL, "    def __init__(self, config):\n        super().__init__()\n        self.tok_emb",
     "    def __init__(self, config, synthesizer):\n        super().__init__()\n"
     "        self.tok_emb"),
    (MODEL, "Block(config) for", "Block(config, synthesizer) for"),
    (MODEL, "    synthesizer = False\n", ""),
    (RUN, FLAG, ""),
    (RUN, "model.GPT(mconf)", 'model.GPT(mconf, args.variant == "synthesizer")'),
)  # fmt: skip

# -- later editions -----------------------------------------------------------------------------


def of_2024(folder: Path) -> None:
    (folder / MODEL).rename(folder / "src" / "models.py")
    shutil.copy(HERE / "styles" / "rope.py", folder / ATTENTION)
    edit(
        folder,
        (RUN, "import model\n", "import models\n"),
        (RUN, "model.GPTConfig(", "models.GPTConfig("),
        (RUN, "model = model.GPT(", "model = models.GPT("),
        (RUN, '"vanilla", "synthesizer"', '"vanilla", "rope"'),
        (RUN, FLAG, 'mconf.rope = args.variant == "rope"\n'),
        (RUN, "max_epochs=650,", "max_epochs=650,  "),
        (RUN, "num_workers=4,\n    )  # fmt: skip\n    trainer.Trainer(model, pretrain_dataset",
         "num_workers=4,\n    )  # fmt: skip\n    tconf.final_tokens = 650 * len(pretrain_dataset) "
         "* block_size\n    trainer.Trainer(model, pretrain_dataset"),
        (RUN, "torch.load(args.reading_params_path))",
         "torch.load(args.reading_params_path), strict=False)"),
        ("src/models.py", "    synthesizer = False\n", "    rope = False\n"),
        ("src/models.py", "        if config.synthesizer:\n"
         "            self.attn = attention.SynthesizerAttention(config)\n        else:\n"
         "            self.attn", "        if True:\n            self.attn"),
        ("src/models.py", "        self.pos_emb =",
         "        self.pos_emb = None if config.rope else"),
        ("src/models.py", "x = self.tok_emb(idx) + self.pos_emb[:, : idx.size(1), :]",
         "x = self.tok_emb(idx)\n        if self.pos_emb is not None:\n"
         "            x = x + self.pos_emb[:, : idx.size(1), :]"),
    )  # fmt: skip
    (folder / LONDON).unlink()
    (folder / "src" / LONDON).write_text(
        'rows = open("birth_dev.tsv", encoding="utf-8").read().splitlines()\n'
        'right = sum(row.endswith("\\tLondon") for row in rows)\n'
        'open("london_baseline_accuracy.txt", "w").write(f"{right / len(rows)}\\n")\n'
    )


def wide_rows(folder: Path) -> None:
    of_2024(folder)
    edit(folder, (DATASET, "text += PAD * (self.block_size - len(text))",
                  "text += PAD * (self.block_size + 1 - len(text))"))  # fmt: skip


def with_tensorboard(folder: Path) -> None:
    edit(
        folder,
        (RUN, "from tqdm import tqdm\n",
         "from torch.utils.tensorboard import SummaryWriter\nfrom tqdm import tqdm\n"),
        (RUN, "block_size = 128\n", "block_size = 128\nwriter = SummaryWriter(log_dir='expt')\n"),
        (RUN, "num_workers=4,\n", "num_workers=4, writer=writer,\n"),
    )  # fmt: skip


def of_2023(folder: Path) -> None:
    shutil.copy(HERE / "styles" / "perceiver.py", folder / "src" / "perceiver.py")
    edit(
        folder,
        (RUN, '"vanilla", "synthesizer"', '"vanilla", "perceiver"'),
        (RUN, FLAG, 'mconf.perceiver = args.variant == "perceiver"\n'
                    "mconf.bottleneck_dim = args.bottleneck_dim\n"),
        (RUN, "args = argp.parse_args()",
         'argp.add_argument("--bottleneck_dim", type=int, default=32)\nargs = argp.parse_args()'),
        (RUN, "torch.load(args.reading_params_path))",
         "torch.load(args.reading_params_path), strict=False)"),
        (MODEL, "import attention\n", "import attention\nimport perceiver\n"),
        (MODEL, "    synthesizer = False\n", "    synthesizer = perceiver = False\n"),
        (MODEL, "        self.blocks = nn.Sequential(*[Block(config) for _ in "
                "range(config.n_layer)])\n",
         "        inner = config.n_layer - 2 if config.perceiver else config.n_layer\n"
         "        self.down_block = None\n"
         "        if config.perceiver:\n"
         "            self.down_block = perceiver.DownProjectBlock(config, "
         "config.bottleneck_dim)\n"
         "            self.up_block = perceiver.UpProjectBlock(config)\n"
         "        self.blocks = nn.Sequential(*[Block(config) for _ in range(inner)])\n"),
        (MODEL, "        logits = self.head(self.ln_f(self.blocks(self.drop(x))))\n",
         "        x = self.drop(x)\n"
         "        if self.down_block is not None:\n"
         "            x = self.up_block(self.blocks(self.down_block(x)), x)\n"
         "        else:\n"
         "            x = self.blocks(x)\n"
         "        logits = self.head(self.ln_f(x))\n"),
    )  # fmt: skip


def of_xcs(folder: Path) -> None:
    (folder / "src").rename(folder / "submission")
    (folder / "submission" / "run.py").unlink()
    (folder / "submission" / "__init__.py").write_text("from .helper import *\n")
    shutil.copy(HERE / "styles" / "helper.py", folder / "submission")
    edit(folder, ("submission/model.py", "import attention\n", "from . import attention\n"),
         ("submission/dataset.py", "        pieces.append(document[begin : begin + width])\n",
          "        pieces += [document[begin : begin + width], MASK]\n"))  # fmt: skip


RATE = (RUN, "learning_rate=6e-3", "learning_rate=6e-4")
PARIS = ('== "London"', '== "Paris"')
STYLES = [
    Style("script style", "2021", lambda folder: None, RATE, {"f.pretrain", "g.pretrain"}),
    Style("class inside run.py", "2021", edits((RUN, FLAG, ""), (RUN, BUILT, CLASS_IN_RUN)),
          (RUN, "epochs = 75", "epochs = 70"), {"d.settings"}),
    Style("models.py", "2024", of_2024, (RUN, "= 650 * len", "= 200 * len"),
          {"f.pretrain", "g.pretrain"}),
    Style("rows of 128", "2024", wide_rows, (DATASET, "return ids[:-1], ids[1:]",
                                             "return ids[:-1], ids[:-1]"), {"e.shift"}),
    Style("TensorBoard", "2021", with_tensorboard, RATE, {"f.pretrain", "g.pretrain"}),
    Style("baseline in src with arguments", "2021", baseline_in_src, (f"src/{LONDON}", *PARIS),
          {"d.london"}),
    Style("params from a GPU", "2021", saved_on_a_gpu,
          (ATTENTION, "hidden, v = F.relu(self.w1(x))", "hidden, v = self.w1(x)"),
          {"g.equation", "g.gradients", "g.variant", "g.reproduced"}),
    Style("macOS zip", "2021", lambda folder: None, (LONDON, *PARIS), {"d.london"}, macos),
    Style("Windows zip", "2021", lambda folder: None,
          (DATASET, "for c in text], dtype=torch.long)", "for c in text], dtype=torch.int)"),
          {"e.format"}, windows),
    Style("short documents left out", "2021",
          edits((DATASET, 'self.data = data.split("\\n")',
                 'self.data = [d for d in data.split("\\n") if len(d) >= 4]')),
          (DATASET, "quarter = n / 4", "quarter = n / 2"), {"e.mean"}),
    Style("constructor argument", "2021", edits(*CONSTRUCTOR),
          (ATTENTION, "@ self.w2 +", "@ self.w2.detach() +"), {"g.gradients"}),
    Style("renamed perceiver", "2023", of_2023,
          ("src/perceiver.py", "torch.ones_like(scores).tril()", "torch.ones_like(scores)"),
          {"g.variant", "g.reproduced"}),
    Style("XCS224N", "xcs224n", of_xcs,
          ("submission/helper.py", "max_epochs=650", "max_epochs=65"),
          {"f.pretrain", "g.pretrain"}),
]  # fmt: skip
