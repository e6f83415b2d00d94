#!/usr/bin/env bash
# Writes assignment5.zip: the code, the data and what the handout asks to hand in. Run from the
# folder that holds the params and predictions (the project's root). Fails, and names what is wrong,
# when an artifact is missing or a predictions file has another number of lines than its questions.
set -eu
root=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-$root/.venv/bin/python}
command -v "$python" >/dev/null || python=python3
command -v "$python" >/dev/null || python=python
exec "$python" - "$root" <<'PYTHON'
import importlib.util
import json
import sys
import zipfile
from pathlib import Path

root = Path(sys.argv[1])
sys.path.insert(0, str(root / "src"))
from base.errors import UserError, errors_are_sentences
from base.files import find_files, write_whole

DATA = ("wiki.txt", "birth_places_train.tsv", "birth_dev.tsv", "birth_test_inputs.tsv")
PARAMS = ("vanilla.model.params", "vanilla.finetune.params", "synthesizer.finetune.params")
HAS_TORCH = importlib.util.find_spec("torch") is not None
PREDICTIONS = {
    f"{run}.{split}.predictions": split
    for run in ("vanilla.nopretrain", "vanilla.pretrain", "synthesizer.pretrain")
    for split in ("dev", "test")
}


def lines(path):
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    return text.removesuffix("\n").split("\n") if text else []


def count(path):
    return sum(1 for line in lines(path) if line.strip())


def claimed(name):
    """The variant of a params file, by its tensors and its JSON; without torch, by its JSON alone.

    Raises UserError for a file that is no params file.
    """
    if HAS_TORCH:
        from params import infer_description, load_params

        state, description = load_params(name)
        said = (description.get("variant"), infer_description(state).get("variant"))
        found = [variant for variant in said if variant]
        others = [variant for variant in found if variant != name.split(".")[0]]
        return (others or found or ["different"])[0]
    try:
        return json.loads(Path(f"{name}.json").read_text(encoding="utf-8"))["variant"]
    except (OSError, ValueError, KeyError):
        return name.split(".")[0]


def problems(data):
    questions = {"dev": count(data[2]), "test": count(data[3])}
    for name in (*PARAMS, *PREDICTIONS):
        if not Path(name).is_file():
            yield f"{name} is missing"
        elif name in PREDICTIONS:
            found, wanted = len(lines(name)), questions[PREDICTIONS[name]]
            if found != wanted:
                yield f"{name} has {found} lines for {wanted} questions"
        elif name in PARAMS and Path(name).stat().st_size == 0:
            yield f"{name} is empty"
        elif name in PARAMS and claimed(name) != name.split(".")[0]:
            yield f"{name} holds a {claimed(name)} model"


with errors_are_sentences():
    data = find_files(*DATA)
    found = list(problems(data))
    if not HAS_TORCH:
        print(f"{sys.executable} has no PyTorch, so the params were not looked into")
    if found:
        raise UserError("; ".join(found) + "; make them with src/run.py (docs/experiment.md)")
    with write_whole("assignment5.zip", "wb") as out, zipfile.ZipFile(
        out, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False  # a zip knows 1980 to 2107
    ) as archive:
        for path in sorted((root / "src").rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                archive.write(path, path.relative_to(root))
        archive.write(root / "london_baseline.py", "london_baseline.py")
        for name, path in zip(DATA, data):
            archive.write(path, name)
        for name in (*PARAMS, *PREDICTIONS):
            archive.write(name)
            if Path(f"{name}.json").is_file():
                archive.write(f"{name}.json")
        print(f"assignment5.zip: {len(archive.namelist())} files")
PYTHON
