"""run.py for the perceiver, with --bottleneck_dim, as a module of small functions."""

import argparse

import torch

import dataset
import model
import trainer
import utils

PATHS = ("reading_params", "writing_params", "finetune_corpus", "eval_corpus", "outputs")


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("function")
    parser.add_argument("variant")
    parser.add_argument("pretrain_corpus_path")
    parser.add_argument("--bottleneck_dim", type=int, default=32)
    for name in PATHS:
        parser.add_argument(f"--{name}_path")
    return parser.parse_args()


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def build(args, corpus):
    mconf = model.GPTConfig(corpus.vocab_size, corpus.block_size, n_layer=4, n_head=8, n_embd=256)
    if args.variant == "perceiver":
        mconf.perceiver, mconf.bottleneck_dim = True, args.bottleneck_dim
    net = model.GPT(mconf)
    if args.reading_params_path:
        net.load_state_dict(torch.load(args.reading_params_path), strict=False)
    return net


def hyperparameters(args, corpus):
    tokens = 200 * len(corpus) * corpus.block_size
    same = {"lr_decay": True, "warmup_tokens": 10240, "final_tokens": tokens}
    if args.function == "pretrain":
        return same | {"max_epochs": 650, "batch_size": 128, "learning_rate": 6e-3}
    epochs = 10 if args.reading_params_path else 75
    return same | {"max_epochs": epochs, "batch_size": 256, "learning_rate": 6e-4}


def answer(net, corpus, prompt):
    x = torch.tensor([[corpus.stoi[c] for c in prompt + "\u2047"]])
    text = "".join(corpus.itos[i] for i in utils.sample(net, x, 32)[0].tolist())
    return text.split("\u2047")[1].split("\n")[0]


def main():
    args = options()
    corpus = dataset.CharCorruptionDataset(read(args.pretrain_corpus_path), 128)
    net = build(args, corpus)
    if args.function == "evaluate":
        with open(args.eval_corpus_path, encoding="utf-8") as lines:
            places = [answer(net, corpus, line.split("\t")[0]) for line in lines]
        with open(args.outputs_path, "w", encoding="utf-8") as file:
            file.writelines(f"{place}\n" for place in places)
        return
    data = corpus
    if args.function == "finetune":
        data = dataset.NameDataset(corpus, read(args.finetune_corpus_path))
    tconf = trainer.TrainerConfig(**hyperparameters(args, corpus))
    trainer.Trainer(net, data, None, tconf).train()
    torch.save(net.state_dict(), args.writing_params_path)


main()
