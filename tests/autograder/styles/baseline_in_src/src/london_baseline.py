"""Writes "London" for every question and counts how often that is right."""

import argparse

import utils

argp = argparse.ArgumentParser()
argp.add_argument("--eval_corpus_path", required=True)
argp.add_argument("--outputs_path", required=True)
args = argp.parse_args()

with open(args.eval_corpus_path, encoding="utf-8") as questions:
    guesses = ["London" for _ in questions]
with open(args.outputs_path, "w", encoding="utf-8") as out:
    out.writelines(guess + "\n" for guess in guesses)
total, correct = utils.evaluate_places(args.eval_corpus_path, guesses)
print(f"Correct: {correct} out of {total}: {correct / total * 100}%")
