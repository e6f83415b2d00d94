# ruff: noqa: E501
"""The rows of the bug reports, each by its own command: python results/2026-11-27-bug-reports/rows.py

Works in a temporary folder with the model that comes with the project. Prints a table: what was
done, the exit status, the last line that was said, and whether that is right.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "data" / "model"
RUN, PY = str(ROOT / "src" / "run.py"), sys.executable
TINY = "--n_layer 1 --n_head 1 --n_embd 8 --block_size 64 --no_log --device cpu"
EVALUATE = f"{PY} {RUN} evaluate vanilla wiki.txt --reading_params_path model.params --eval_corpus_path"
PRETRAIN = f"{PY} {RUN} pretrain vanilla small.txt {TINY} --writing_params_path"
WAIT = "until grep -q step"
FINETUNE = f"{PY} {RUN} finetune vanilla wiki.txt --no_log --device cpu --max_steps 1 --reading_params_path model.params --writing_params_path f.params --finetune_corpus_path"  # noqa: E501


def shell(line: str, **env: str) -> tuple[int, str]:
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=120,
                          errors="replace", env=os.environ | env)  # fmt: skip
    told = [text for text in (done.stdout + done.stderr).splitlines() if text.strip()]
    if "Traceback" in done.stdout + done.stderr:
        return done.returncode, "TRACEBACK " + told[-1]
    return done.returncode, (told[-1] if told else "")


def prepare() -> None:
    for name in ("model.params", "model.params.json", "wiki.txt"):
        shutil.copy(MODEL / name, name)
    rows = (MODEL / "birth_dev.tsv").read_text(encoding="utf-8").splitlines()[:20]
    texts = {
        "dev.tsv": rows,
        "blank.tsv": [f"{row} " for row in rows],
        "before_tab.tsv": [row.replace("\t", " \t") for row in rows],
        "lower.tsv": [row.replace("Where", "where").replace("born?", "born ?") for row in rows],
        "empty.tsv": [row.split("\t")[0] + "\t" for row in rows],
        "zero_width.tsv": [f"{row}\u200b" for row in rows],
        "nul.tsv": [f"{row}\0" for row in rows],
        "japanese.tsv": [row.split("\t")[0] + "\t東京" for row in rows],
        "questions.tsv": [row.split("\t")[0] for row in rows],
        "small.txt": (MODEL / "wiki.txt").read_text(encoding="utf-8").splitlines()[:200],
    }
    for name, lines in texts.items():
        Path(name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    about = json.loads(Path("model.params.json").read_text())
    for name, change in (("zero", {"n_head": 0}), ("list", {"variant": ["vanilla"]})):
        shutil.copy("model.params", f"{name}.params")
        Path(f"{name}.params.json").write_text(json.dumps(about | change))
    Path("sub").mkdir()
    for folder, loss in (("$x_{$", "1.0"), ("nan", "NaN"), ("huge", "1e308")):
        Path(folder).mkdir()
        line = f'{{"step": %d, "loss": {loss}, "positions": 5, "rate": 0.1}}\n'
        Path(folder, "metrics.jsonl").write_text("".join(line % step for step in (1, 2, 3)))
    os.mkfifo("fifo")
    Path("types.jsonl").write_text('{"question": 3, "answer": [], "place": {}}\n')


ROWS: list[tuple[str, str, object]] = [  # row of the issue, command, what is right
    ("-", f"{EVALUATE} dev.tsv --outputs_path o", 0),
    ("1", f"{EVALUATE} blank.tsv --outputs_path o", "as the first"),
    ("2", f"{PRETRAIN} n.params --pretrain_lr 100000 --max_steps 30; s=$?; ls n.params; exit $s", 2),
    ("3", f"{EVALUATE} empty.tsv --outputs_path o", 2),
    ("5", f"{EVALUATE} zero_width.tsv --outputs_path o", 2),
    ("5", f"{EVALUATE} nul.tsv --outputs_path o", 2),
    ("7", f"{EVALUATE} before_tab.tsv --outputs_path o", "as the first"),
    ("7", f"{EVALUATE} lower.tsv --outputs_path o", "as the first"),
    ("8", f"{EVALUATE} <(head -20 dev.tsv) --outputs_path o", "as the first"),
    ("8", f"cat dev.tsv | {EVALUATE} /dev/stdin --outputs_path o", "as the first"),
    ("9", f"{EVALUATE} dev.tsv --outputs_path dev.tsv", 2),
    ("9", f"{PY} {ROOT}/src/calibrate.py split dev.tsv --seen b --held_out b", 2),
    ("10", f"{EVALUATE} dev.tsv --outputs_path fifo & head -c 9 fifo >got; wait $!; s=$?; "
     "test -p fifo && test -s got && exit $s", 0),
    ("11", f"{PRETRAIN} full.params --max_steps 2 > /dev/full; ls full.params", 0),
    ("12", f"{PRETRAIN} two.params --max_minutes 1 >two.log 2>&1 & {WAIT} two.log; do sleep 1; done; "
     f"{PRETRAIN} two.params --max_steps 2; s=$?; kill $!; wait; exit $s", 2),
    ("13", f"{PRETRAIN} $(printf 'x%.0s' {{1..250}}) --max_steps 2", 2),
    ("14", f"{EVALUATE} dev.tsv --outputs_path o >&- 2>&- <&-", 0),
    ("15", f": > vanilla.model.params; cd {{cwd}} && bash {ROOT}/collect_submission.sh", 2),
    ("16", f"{PY} {ROOT}/london_baseline.py questions.tsv", 2),
    ("18", f"{PY} {ROOT}/src/plot.py '$x_{{$' -o p.png", 0),
    ("18", f"{PY} {ROOT}/src/plot.py nan -o p.png", "no traceback"),
    ("18", f"{PY} {ROOT}/src/plot.py huge -o p.png", "no traceback"),
    ("19", f"{EVALUATE.replace('model.params', 'zero.params')} dev.tsv --outputs_path o", 2),
    ("19", f"{PY} {ROOT}/src/ask.py wiki.txt --reading_params_path list.params </dev/null", 2),
    ("20", f"{EVALUATE} $'caf\\xe9.tsv' --outputs_path o", 2),
    ("20", f"LC_ALL=C PYTHONUTF8=0 {EVALUATE} nö.tsv --outputs_path o", 2),
    ("21", f"timeout -s INT 0.6 {PRETRAIN} c.params --max_minutes 1; test $? = 124", "no traceback"),
    ("21", f"{PRETRAIN} h.params --max_minutes 1 >h.log 2>&1 & {WAIT} h.log; do sleep 1; done; "
     "kill -HUP $!; wait $!; s=$?; tail -1 h.log; exit $s", 129),
    ("25", f"{PRETRAIN} t.params --max_minutes 1 >t.log 2>&1 & {WAIT} t.log; do sleep 1; done; "
     "kill -TERM $!; wait $!; s=$?; tail -1 t.log; exit $s", 143),
    ("22", f"{PY} {ROOT}/src/report.py types.jsonl", 2),
    ("23", f"{FINETUNE} japanese.tsv", 2),
    ("24", f"{PRETRAIN} b.params --batch_size 1{'0' * 30}", 2),
    ("24", f"{PRETRAIN} b.params --max_minutes 1e308", 2),
]  # fmt: skip


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        prepare()
        print("| row | command | status | last line | right |\n| --- | --- | --- | --- | --- |")
        first = None
        for row, line, wanted in ROWS:
            try:
                status, told = shell(line.replace("{cwd}", name), OMP_NUM_THREADS="1")
            except subprocess.TimeoutExpired:
                status, told = -1, "did not end in 120 seconds"
            first = first or told
            bad = "TRACEBACK" in told
            if wanted == "as the first":
                good = status == 0 and told == first
            elif wanted == "no traceback":
                good = not bad
            else:
                good = status == wanted and not bad
            for path, word in ((str(ROOT) + "/", ""), (PY, "python"), (name + "/", "")):
                line, told = line.replace(path, word), told.replace(path, word)
            line, told = (text.replace("|", "\\|").replace("\n", " ") for text in (line, told))
            print(f"| {row} | `{line}` | {status} | {told[:160]} | {'yes' if good else 'NO'} |",
                  flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
