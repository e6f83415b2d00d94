"""Pretrain, finetune or evaluate a model.

python src/run.py FUNCTION VARIANT CORPUS [options]; README.md lists the commands.
"""

import argparse
import sys

import torch
from tqdm import tqdm

import utils
from dataset import MASK_CHAR, CharCorruptionDataset, NameDataset  # noqa: F401
from model import GPT, GPTConfig  # noqa: F401
from trainer import Trainer, TrainerConfig  # noqa: F401

BLOCK_SIZE = 128
SIZES = dict(n_layer=4, n_head=8, n_embd=256)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("function", choices=["pretrain", "finetune", "evaluate"])
    parser.add_argument("variant", choices=["vanilla", "synthesizer"])
    parser.add_argument("pretrain_corpus_path", help="one document a line")
    parser.add_argument("--reading_params_path", help="params to start from, or to evaluate")
    parser.add_argument("--writing_params_path", help="where the trained params go")
    parser.add_argument("--finetune_corpus_path", help="questions with answers")
    parser.add_argument("--eval_corpus_path", help="questions")
    parser.add_argument("--outputs_path", help="where the predictions go")
    return parser.parse_args()


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def build_model(variant, vocab_size):
    """A GPT of the variant "vanilla" or "synthesizer"."""
    if variant == "synthesizer":
        # TODO (part g): let this variant reach the lines below, and set config.synthesizer = True.
        sys.exit("TODO, part g: build_model in src/run.py")
    # TODO (part c): make a GPTConfig of vocab_size, BLOCK_SIZE and **SIZES; return a GPT of it.
    sys.exit("TODO, part c: build_model in src/run.py")


def pretraining(model, pretrain_dataset):
    """The Trainer of pretraining, ready to train."""
    # TODO (part f): a TrainerConfig and a Trainer on the pretrain_dataset, with
    #   max_epochs=650, batch_size=128, learning_rate=6e-3, lr_decay=True, warmup_tokens=512*20,
    #   final_tokens=200*len(pretrain_dataset)*BLOCK_SIZE, num_workers=4
    # Return the Trainer; main() trains it and saves the params.
    sys.exit("TODO, part f: pretraining in src/run.py")


def finetuning(model, pretrain_dataset, questions, reading_params_path):
    """The Trainer of finetuning, ready to train. `questions`: the text of the training file."""
    # TODO (part c): a Trainer on a NameDataset of the questions, with
    #   max_epochs=75, batch_size=256, learning_rate=6e-4, lr_decay=True, warmup_tokens=512*20,
    #   final_tokens=200*len(pretrain_dataset)*BLOCK_SIZE, num_workers=4
    # TODO (part f): if reading_params_path is not None, first load those params into the model
    # (torch.load, load_state_dict), and train for 10 epochs instead of 75.
    # Return the Trainer.
    sys.exit("TODO, part c: finetuning in src/run.py")


def answer(model, corpus, question):
    """What the model says after `question` and MASK_CHAR, up to the next MASK_CHAR."""
    device = next(model.parameters()).device
    indices = [corpus.stoi[char] for char in question + MASK_CHAR]
    out = utils.sample(model, torch.tensor([indices], device=device), 32)[0]
    text = "".join(corpus.itos[int(index)] for index in out)
    return text.split(MASK_CHAR)[1].split("\n")[0]


def evaluate(model, corpus, args):
    """Write one prediction for each question, and print how many are right."""
    model.load_state_dict(torch.load(args.reading_params_path, map_location="cpu"))
    questions = [line.split("\t")[0] for line in read(args.eval_corpus_path).splitlines()]
    predictions = [answer(model, corpus, question) for question in tqdm(questions)]
    with open(args.outputs_path, "w", encoding="utf-8") as file:
        file.writelines(f"{place}\n" for place in predictions)
    total, correct = utils.evaluate_places(args.eval_corpus_path, predictions)
    if total:
        print(f"Correct: {correct} out of {total}: {correct / total * 100}%")
    else:
        print(f"Predictions written to {args.outputs_path}")


def main():
    args = parse_arguments()
    utils.set_seed(0)
    corpus = CharCorruptionDataset(read(args.pretrain_corpus_path), BLOCK_SIZE)
    model = build_model(args.variant, corpus.vocab_size)
    if args.function == "evaluate":
        evaluate(model, corpus, args)
        return
    if args.function == "pretrain":
        corpus[0]  # ends here while part e is a TODO
        trainer = pretraining(model, corpus)
    else:
        questions = read(args.finetune_corpus_path)
        trainer = finetuning(model, corpus, questions, args.reading_params_path)
    trainer.train()
    torch.save(model.state_dict(), args.writing_params_path)


if __name__ == "__main__":
    main()
