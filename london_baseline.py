"""The accuracy of answering "London" to every question of the dev set (handout, part d)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

import utils  # noqa: E402
from base.errors import errors_are_sentences
from base.files import find_files, read_text  # noqa: E402

if __name__ == "__main__":
    with errors_are_sentences():
        (path,) = find_files("birth_dev.tsv")
        questions = [line for line in read_text(path).split("\n") if line.strip()]
        total, correct = utils.evaluate_places(path, ["London"] * len(questions))
        print(f"Correct: {correct} out of {total}: {correct / total * 100}%")
