"""run.py after the kit of 2023, with TensorBoard for all that is trained."""

import argparse

import torch
from torch.utils.tensorboard import SummaryWriter

from dataset import CharCorruptionDataset, NameDataset
from model import GPT, GPTConfig
from trainer import Trainer, TrainerConfig
from utils import evaluate_places, sample

argp = argparse.ArgumentParser()
argp.add_argument("function")
argp.add_argument("variant")
argp.add_argument("--bottleneck_dim", type=int, default=32)
argp.add_argument("pretrain_corpus_path")
argp.add_argument("--reading_params_path")
argp.add_argument("--writing_params_path")
argp.add_argument("--finetune_corpus_path")
argp.add_argument("--eval_corpus_path")
argp.add_argument("--outputs_path")
argp.add_argument("--pretrain_lr", default=6e-3, type=float)
argp.add_argument("--finetune_lr", default=6e-4, type=float)
args = argp.parse_args()

corpus = CharCorruptionDataset(open(args.pretrain_corpus_path, encoding="utf-8").read(), 128)
mconf = GPTConfig(corpus.vocab_size, corpus.block_size, n_layer=4, n_head=8, n_embd=256)
if args.variant == "perceiver":
    mconf.perceiver = True
    mconf.bottleneck_dim = args.bottleneck_dim
model = GPT(mconf)
pretrained = args.reading_params_path is not None
if pretrained:
    model.load_state_dict(torch.load(args.reading_params_path), strict=False)

if args.function in ("pretrain", "finetune"):
    with SummaryWriter(log_dir=f"expt/{args.function}/{args.variant}") as writer:
        settings = TrainerConfig(writer=writer, num_workers=4)
        settings.lr_decay = True
        settings.warmup_tokens = 512 * 20
        settings.final_tokens = 200 * len(corpus) * 128
        if args.function == "pretrain":
            examples = corpus
            settings.max_epochs = 650
            settings.batch_size = 128
            settings.learning_rate = args.pretrain_lr
        else:
            examples = NameDataset(corpus, open(args.finetune_corpus_path).read())
            settings.max_epochs = 10 if pretrained else 75
            settings.batch_size = 256
            settings.learning_rate = args.finetune_lr
        Trainer(model, examples, None, settings).train()
    torch.save(model.state_dict(), args.writing_params_path)
else:
    rows = []
    for line in open(args.eval_corpus_path, encoding="utf-8"):
        x = torch.tensor([[corpus.stoi[c] for c in line.split("\t")[0] + "\u2047"]])
        completion = "".join(corpus.itos[int(i)] for i in sample(model, x, 32)[0])
        rows.append(completion.split("\u2047")[1].split("\n")[0])
    with open(args.outputs_path, "w", encoding="utf-8") as fout:
        fout.write("".join(row + "\n" for row in rows))
    total, correct = evaluate_places(args.eval_corpus_path, rows)
    print(f"Correct: {correct} out of {total}")
