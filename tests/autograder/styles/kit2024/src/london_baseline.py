"""As the kit of 2024 wants it: nothing is printed, the accuracy goes to a file."""

import utils


def main():
    with open("birth_dev.tsv", encoding="utf-8") as dev:
        predictions = ["London"] * len(dev.readlines())
    total, correct = utils.evaluate_places("birth_dev.tsv", predictions)
    return correct / total


if __name__ == "__main__":
    accuracy = main()
    with open("london_baseline_accuracy.txt", "w", encoding="utf-8") as f:
        f.write(f"{accuracy}\n")
