"""run.py with functions; the pads behind an answer are written as they come."""

import argparse

import torch

from dataset import CharCorruptionDataset, NameDataset
from model import GPT, GPTConfig
from trainer import Trainer, TrainerConfig
from utils import evaluate_places, sample


def parse():
    p = argparse.ArgumentParser()
    for name in ("function", "variant", "pretrain_corpus_path"):
        p.add_argument(name)
    for name in ("reading_params_path", "writing_params_path", "finetune_corpus_path",
                 "eval_corpus_path", "outputs_path"):  # fmt: skip
        p.add_argument(f"--{name}")
    return p.parse_args()


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def train(args, net, corpus):
    fresh = args.reading_params_path is None
    if args.function == "pretrain":
        data, how = corpus, dict(max_epochs=650, batch_size=128, learning_rate=0.006)
    else:
        data = NameDataset(corpus, read(args.finetune_corpus_path))
        how = dict(max_epochs=75 if fresh else 10, batch_size=256, learning_rate=0.0006)
    tokens = 200 * len(corpus) * corpus.block_size
    config = TrainerConfig(lr_decay=True, warmup_tokens=10240, final_tokens=tokens, **how)
    Trainer(net, data, None, config).train()
    torch.save(net.state_dict(), args.writing_params_path)


def evaluate(args, net, corpus):
    answers = []
    for line in read(args.eval_corpus_path).splitlines():
        prompt = [corpus.stoi[c] for c in line.split("\t")[0] + "\u2047"]
        out = sample(net, torch.tensor([prompt]), 32)[0, len(prompt) :].tolist()
        text = "".join(corpus.itos[i] for i in out).split("\u2047")[0]
        answers.append(text.split("\n")[0])
    with open(args.outputs_path, "w", encoding="utf-8") as f:
        f.write("\n".join(answers) + "\n")
    print(evaluate_places(args.eval_corpus_path, answers))


def main():
    args = parse()
    corpus = CharCorruptionDataset(read(args.pretrain_corpus_path), block_size=128)
    sizes = dict(n_layer=4, n_head=8, n_embd=256)
    net = GPT(GPTConfig(corpus.vocab_size, 128, synthesizer=args.variant == "synthesizer", **sizes))
    if args.reading_params_path is not None:
        state = torch.load(args.reading_params_path, map_location="cpu")
        net.load_state_dict(state, strict=False)  # masks may be missing, or named otherwise
    if args.function == "evaluate":
        evaluate(args, net, corpus)
    else:
        train(args, net, corpus)


if __name__ == "__main__":
    main()
