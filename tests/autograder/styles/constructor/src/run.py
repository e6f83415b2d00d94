"""run.py in the handout's order, with one function a command."""

import argparse

import torch

import attention
import dataset
import model
import trainer
import utils

CLASSES = {
    "vanilla": attention.CausalSelfAttention,
    "synthesizer": attention.SynthesizerAttention,
}


def build(args):
    text = open(args.pretrain_corpus_path, encoding="utf-8").read()
    corpus = dataset.CharCorruptionDataset(text, 128)
    mconf = model.GPTConfig(corpus.vocab_size, 128, n_layer=4, n_head=8, n_embd=256)
    return corpus, model.GPT(mconf, CLASSES[args.variant])


def fit(args, net, data, **hyperparameters):
    tconf = trainer.TrainerConfig(lr_decay=True, warmup_tokens=10240, **hyperparameters)
    trainer.Trainer(net, data, None, tconf).train()
    torch.save(net.state_dict(), args.writing_params_path)


def pretrain(args):
    corpus, net = build(args)
    fit(args, net, corpus, max_epochs=650, batch_size=128, learning_rate=6e-3,
        final_tokens=200 * len(corpus) * 128)  # fmt: skip


def finetune(args):
    corpus, net = build(args)
    epochs = 75
    if args.reading_params_path:
        net.load_state_dict(torch.load(args.reading_params_path), strict=False)
        epochs = 10
    names = dataset.NameDataset(corpus, open(args.finetune_corpus_path, encoding="utf-8").read())
    fit(args, net, names, max_epochs=epochs, batch_size=256, learning_rate=6e-4,
        final_tokens=200 * len(corpus) * 128)  # fmt: skip


def evaluate(args):
    corpus, net = build(args)
    net.load_state_dict(torch.load(args.reading_params_path), strict=False)
    places = []
    with open(args.outputs_path, "w", encoding="utf-8") as out:
        for line in open(args.eval_corpus_path, encoding="utf-8"):
            text = line.strip().split("\t")[0] + "\u2047"
            x = torch.tensor([corpus.stoi[c] for c in text])[None]
            whole = "".join(corpus.itos[i] for i in utils.sample(net, x, 32)[0].tolist())
            places.append(whole.split("\u2047")[1].split("\n")[0])
            print(places[-1], file=out)
    total, correct = utils.evaluate_places(args.eval_corpus_path, places)
    print(f"Correct: {correct} out of {total}" if total else "no answers to compare with")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("function", choices=["pretrain", "finetune", "evaluate"])
    parser.add_argument("variant", choices=list(CLASSES))
    parser.add_argument("pretrain_corpus_path")
    parser.add_argument("--reading_params_path")
    parser.add_argument("--writing_params_path")
    parser.add_argument("--finetune_corpus_path")
    parser.add_argument("--eval_corpus_path")
    parser.add_argument("--outputs_path")
    arguments = parser.parse_args()
    globals()[arguments.function](arguments)
