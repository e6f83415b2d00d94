import sys

sys.path.append("src")
from utils import evaluate_places  # noqa: E402

with open("birth_dev.tsv", encoding="utf-8") as f:
    count = len(f.readlines())
total, correct = evaluate_places("birth_dev.tsv", ["London"] * count)
print(f"London: {correct:.0f} of {total:.0f} questions, or {100 * correct / total:.1f} %")
