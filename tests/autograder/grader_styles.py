"""Small submissions in the styles of real ones: an edition, the folders that their files come from,
and one real mistake with the checks that it fails.

The files that make a style are in styles/, written in that style; the others are those of
submission_a (a script, strict) or submission_b (functions, einsum)."""

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


def same(folder: Path) -> Path:
    return folder


@dataclass(frozen=True)
class Style:
    """`sources`: folders copied over each other; `without`: files that this kit does not have;
    `mistake` (file, old, new): what is then done wrong; `prepare`: what is no program; `pack`: how
    the finished folder is handed in."""

    name: str
    edition: str
    sources: tuple[str, ...]
    mistake: Edit
    fails: set[str]
    without: tuple[str, ...] = ()
    prepare: Callable[[Path], Path] = same
    pack: Callable[[Path], Path] = same

    def write(self, folder: Path) -> None:
        """The programs, without params and predictions."""
        for source in self.sources:
            shutil.copytree(HERE / source, folder, dirs_exist_ok=True,
                            ignore=shutil.ignore_patterns("__pycache__"))  # fmt: skip
        for name in self.without:
            (folder / name).unlink()


def edit(folder: Path, *edits: Edit) -> None:
    for name, old, new in edits:
        code = (folder / name).read_text(encoding="utf-8")
        assert old in code, f"{name} has no {old!r}"
        (folder / name).write_text(code.replace(old, new), encoding="utf-8")


def saved_on_a_gpu(folder: Path) -> None:
    """Params whose storages say cuda:0, as torch.save writes them on a machine with a GPU."""
    known = torch.serialization.location_tag
    torch.serialization.location_tag = lambda storage: "cuda:0"
    try:
        for path in folder.glob("*.params"):
            torch.save(torch.load(path, weights_only=True), path)
    finally:
        torch.serialization.location_tag = known


def package(folder: Path) -> None:
    """XCS224N: the modules import each other as parts of a package."""
    (folder / "src").rename(folder / "submission")
    for path in (HERE / "styles" / "xcs224n").glob("*.py"):
        shutil.copy(path, folder / "submission")
    edit(folder, ("submission/model.py", "import attention\n", "from . import attention\n"))


# -- how it is handed in ------------------------------------------------------------------------


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
    """Backslashes between folders, CR LF at line ends, a blank line behind the predictions."""
    for path in (*folder.glob("*.predictions"), *folder.rglob("*.py")):
        last = "\n" if path.suffix == ".predictions" else ""
        text = path.read_text(encoding="utf-8") + last
        path.write_bytes(text.replace("\n", "\r\n").encode())
    return zipped(folder, lambda path: "work\\" + str(path).replace("/", "\\"))


def flat(folder: Path) -> Path:
    """All files at the zip's root, as XCS224N's collect_submission.sh packs them."""
    return zipped(folder, lambda path: path.name)


# -- the styles ---------------------------------------------------------------------------------

A, B = "submission_a", "submission_b"
KIT_2024 = (B, "styles/kit2024")
KIT_2023 = (B, "styles/perceiver")
REPLACED = (MODEL, LONDON)  # models.py and src/london_baseline.py
STYLES = [
    Style("script style", "2021", (A,), (RUN, "learning_rate=6e-3", "learning_rate=6e-4"),
          {"f.pretrain", "g.pretrain"}),
    Style("class inside run.py", "2021", (B, "styles/class_in_run"),
          (RUN, "= 75, 256, 6e-4", "= 70, 256, 6e-4"), {"d.settings"}),
    Style("models.py", "2024", KIT_2024, (RUN, "final_tokens=650 *", "final_tokens=200 *"),
          {"f.pretrain", "g.pretrain"}, REPLACED),
    Style("rows of 128", "2024", (*KIT_2024, "styles/rows_of_128"),
          (DATASET, "masked_string[:-1], masked_string[1:]",
           "masked_string[:-1], masked_string[:-1]"), {"e.shift"}, REPLACED),
    Style("TensorBoard", "2023", (*KIT_2023, "styles/tensorboard"),
          (RUN, "512 * 20", "512 * 200"),
          {"d.settings", "f.pretrain", "f.finetune", "g.pretrain", "g.finetune"}),
    Style("baseline in src with arguments", "2021", (B, "styles/baseline_in_src"),
          (f"src/{LONDON}", '["London" for', '["Paris" for'), {"d.london"}, (LONDON,)),
    Style("params from a GPU", "2021", (A,),
          (ATTENTION, "hidden, v = F.relu(self.w1(x))", "hidden, v = self.w1(x)"),
          {"g.equation", "g.gradients", "g.variant", "g.reproduced"}, prepare=saved_on_a_gpu),
    Style("macOS zip", "2021", (B,), (LONDON, '["London"]', '["Paris"]'), {"d.london"},
          pack=macos),
    Style("Windows zip", "2021", (A,),
          (DATASET, "for c in text], dtype=torch.long)", "for c in text], dtype=torch.int)"),
          {"e.format"}, pack=windows),
    Style("short documents left out", "2021", (A, "styles/short_documents"),
          (DATASET, "share = 0.25", "share = 0.5"), {"e.mean"}),
    Style("constructor argument", "2021", (B, "styles/constructor"),
          (ATTENTION, "self.w2[:, :T])", "self.w2.detach()[:, :T])"), {"g.gradients"}),
    Style("renamed perceiver", "2023", KIT_2023,
          ("src/perceiver.py", "torch.ones_like(scores).tril()", "torch.ones_like(scores)"),
          {"g.variant", "g.reproduced"}),
    Style("XCS224N", "xcs224n", (A,), ("submission/helper.py", "max_epochs=650", "max_epochs=65"),
          {"f.pretrain", "g.pretrain"}, (RUN, LONDON), package, flat),
]  # fmt: skip
