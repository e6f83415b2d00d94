"""run.py after the kit of 2024: TensorBoard, learning rates as options, no choices to check."""

import argparse
import random

import models
import torch
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

import dataset
import trainer
import utils

random.seed(0)

argp = argparse.ArgumentParser()
argp.add_argument("function", help="Choose pretrain, finetune, or evaluate")
argp.add_argument("variant", help="Choose vanilla or rope")
argp.add_argument("pretrain_corpus_path")
for option in ("reading_params", "writing_params", "finetune_corpus", "eval_corpus", "outputs"):
    argp.add_argument(f"--{option}_path", default=None)
argp.add_argument("--pretrain_lr", default=6e-3, type=float)
argp.add_argument("--finetune_lr", default=6e-4, type=float)
argp.add_argument("--tb_expt_name", default="run")
args = argp.parse_args()

device = torch.cuda.current_device() if torch.cuda.is_available() else "cpu"
writer = SummaryWriter(log_dir=f"expt/{args.function}/{args.tb_expt_name}_{args.variant}")

block_size = 128
text = open(args.pretrain_corpus_path, encoding="utf-8").read()
pretrain_dataset = dataset.CharCorruptionDataset(text, block_size)
mconf = models.GPTConfig(
    pretrain_dataset.vocab_size, pretrain_dataset.block_size, n_layer=4, n_head=8, n_embd=256
)
if args.variant == "vanilla":
    model = models.GPT(mconf)
elif args.variant == "rope":
    mconf.rope = True
    model = models.GPT(mconf)
else:
    raise ValueError("Unknown model variant")
model = model.to(device)
print("Model on device: ", next(model.parameters()).device)

common = dict(lr_decay=True, warmup_tokens=512 * 20, num_workers=4, writer=writer)
characters = len(pretrain_dataset) * block_size
if args.function == "pretrain":
    tconf = trainer.TrainerConfig(max_epochs=650, batch_size=128, learning_rate=args.pretrain_lr,
                                  final_tokens=650 * characters, **common)  # fmt: skip
    trainer.Trainer(model, pretrain_dataset, None, tconf).train()
    torch.save(model.state_dict(), args.writing_params_path)
elif args.function == "finetune":
    if args.reading_params_path is not None:
        model.load_state_dict(torch.load(args.reading_params_path), strict=False)
    names = open(args.finetune_corpus_path, encoding="utf-8").read()
    tconf = trainer.TrainerConfig(max_epochs=75 if args.reading_params_path is None else 10,
                                  batch_size=256, learning_rate=args.finetune_lr,
                                  final_tokens=200 * characters, **common)  # fmt: skip
    finetune_dataset = dataset.NameDataset(pretrain_dataset, names)
    trainer.Trainer(model, finetune_dataset, None, tconf).train()
    torch.save(model.state_dict(), args.writing_params_path)
elif args.function == "evaluate":
    model.load_state_dict(torch.load(args.reading_params_path), strict=False)
    predictions = []
    with open(args.outputs_path, "w", encoding="utf-8") as fout:
        for line in tqdm(open(args.eval_corpus_path, encoding="utf-8")):
            x = line.split("\t")[0] + "\u2047"  # a line without a tab keeps its newline
            x = torch.tensor([pretrain_dataset.stoi[s] for s in x])[None].to(device)
            pred = utils.sample(model, x, 32, sample=False)[0]
            completion = "".join(pretrain_dataset.itos[int(i)] for i in pred)
            predictions.append(completion.split("\u2047")[1].split("\n")[0])
            fout.write(predictions[-1] + "\n")
    print(utils.evaluate_places(args.eval_corpus_path, predictions))
