"""Seconds until each command's help and first line, from the project's root.

With the word `labs`: only the help of the commands of labs/.
"""

import glob
import resource
import subprocess
import sys
import time

INTERNAL = ("autograder/runner.py", "autograder/forkserver.py")  # started by the sandbox
FOUND = ["london_baseline.py", "quickstart.py", "install.py"]
FOUND += [path for room in ("src", "data", "bench", "docs", "autograder")
          for path in glob.glob(f"{room}/*.py")]  # fmt: skip
TIMES = 3


def once(words: list[str]) -> tuple[float, float, float]:
    """Seconds in all, CPU seconds, seconds to the first line."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    run = subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)  # fmt: skip
    run.stdout.readline()
    first = time.monotonic() - began
    run.stdout.read()
    run.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - began, cpu, first


def least(words: list[str]) -> list[float]:
    return [min(column) for column in zip(*(once(words) for _ in range(TIMES)), strict=True)]


LABS = glob.glob("labs/*/*.py")


def words_of(path: str) -> list[str]:
    """What starts a command after the word python."""
    module = path.removesuffix(".py").removesuffix("/__main__").replace("/", ".")
    return ["-m", module] if path.startswith("labs/") else [path]


print("| command | seconds, least of 3 | CPU seconds, least of 3 |\n| --- | --- | --- |")
for path in sorted(LABS if sys.argv[1:] == ["labs"] else FOUND + LABS):
    with open(path, encoding="utf-8") as file:
        command = 'if __name__ == "__main__"' in file.read() and path not in INTERNAL
    if command:
        whole, cpu, _ = least([*words_of(path), "--help"])
        print(f"| `{' '.join(words_of(path))} --help` | {whole:.2f} | {cpu:.2f} |", flush=True)
if sys.argv[1:] == ["labs"]:
    sys.exit()
print("\n| command | seconds to the first line, least of 3 | CPU seconds of the whole command |")
print("| --- | --- | --- |")
TINY = "--max_steps 1 --n_layer 1 --n_embd 8 --n_head 1 --no_log".split()
for words in (
    ["src/dataset.py", "namedata"], ["src/ask.py", "Victoria Moore"],
    ["src/run.py", "evaluate", "--outputs_path", "/tmp/dev.predictions"],
    ["src/run.py", "pretrain", "vanilla", "wiki.txt", "--writing_params_path", "/tmp/p.params",
     *TINY],
    ["london_baseline.py"],
):  # fmt: skip
    _, cpu, first = least(words)
    print(f"| `{' '.join(words)}` | {first:.2f} | {cpu:.2f} |", flush=True)
