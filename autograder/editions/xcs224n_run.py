"""run.py of the edition XCS224N: that kit gives it, so the grader brings its own.

It calls the functions of submission/helper.py as the handout describes them:

- initialize_vanilla_model(mconf), initialize_synthesizer_model(mconf): a model;
- pretrain(pretrain_dataset, block_size, model, ...): (TrainerConfig, Trainer);
- finetune(reading_params_path, finetune_corpus_path, pretrain_dataset, block_size, model, ...): the
  same;
- train(model, writing_params_path, trainer), where there is one: trains and saves.
"""

import argparse
import random

import numpy as np
import torch
from submission import helper, utils
from submission.dataset import CharCorruptionDataset
from submission.model import GPTConfig

BLOCK_SIZE = 128
SIZES = dict(n_layer=4, n_head=8, n_embd=256)
MASK = "\u2047"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("function", choices=["pretrain", "finetune", "evaluate"])
    parser.add_argument("variant")
    parser.add_argument("pretrain_corpus_path")
    for name in ("reading_params", "writing_params", "finetune_corpus", "eval_corpus", "outputs"):
        parser.add_argument(f"--{name}_path")
    return parser.parse_args()


def read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


def build(variant: str, vocab_size: int) -> torch.nn.Module:
    config = GPTConfig(vocab_size, BLOCK_SIZE, **SIZES)
    model = getattr(helper, f"initialize_{variant}_model")(config)
    if not isinstance(model, torch.nn.Module):
        raise TypeError(f"initialize_{variant}_model returns {type(model).__name__}, not a model")
    return model


def evaluate(args: argparse.Namespace, model: torch.nn.Module, corpus) -> None:
    model.load_state_dict(torch.load(args.reading_params_path, map_location="cpu"))
    with (
        open(args.eval_corpus_path, encoding="utf-8") as questions,
        open(args.outputs_path, "w", encoding="utf-8") as out,
    ):
        for line in questions:  # as in the kit, one without a tab keeps its newline in the prompt
            prompt = [corpus.stoi[char] for char in line.split("\t")[0] + MASK]
            row = utils.sample(model, torch.tensor([prompt]), 32, sample=False)[0]
            text = "".join(corpus.itos[int(index)] for index in row)
            out.write(text.split(MASK)[1].split("\n")[0] + "\n")


def main() -> None:
    args = arguments()
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    corpus = CharCorruptionDataset(read(args.pretrain_corpus_path), BLOCK_SIZE)
    model = build(args.variant, corpus.vocab_size)
    if args.function == "evaluate":
        evaluate(args, model, corpus)
        return
    if args.function == "pretrain":
        _, trainer = helper.pretrain(corpus, BLOCK_SIZE, model)
    else:
        files = (args.reading_params_path, args.finetune_corpus_path)
        _, trainer = helper.finetune(*files, corpus, BLOCK_SIZE, model)
    trainer.train()


if __name__ == "__main__":
    main()
