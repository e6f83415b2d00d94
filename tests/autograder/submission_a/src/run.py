"""The script of the handout: what it does, it does when it is run."""

import argparse
import random

import torch
from tqdm import tqdm

import dataset
import model
import trainer
import utils

random.seed(0)

argp = argparse.ArgumentParser()
argp.add_argument("function", choices=["pretrain", "finetune", "evaluate"])
argp.add_argument("variant", choices=["vanilla", "synthesizer"])
argp.add_argument("pretrain_corpus_path")
argp.add_argument("--reading_params_path", default=None)
argp.add_argument("--writing_params_path", default=None)
argp.add_argument("--finetune_corpus_path", default=None)
argp.add_argument("--eval_corpus_path", default=None)
argp.add_argument("--outputs_path", default=None)
args = argp.parse_args()

device = torch.cuda.current_device() if torch.cuda.is_available() else "cpu"

block_size = 128
text = open(args.pretrain_corpus_path, encoding="utf-8").read()
pretrain_dataset = dataset.CharCorruptionDataset(text, block_size)
mconf = model.GPTConfig(
    pretrain_dataset.vocab_size, pretrain_dataset.block_size, n_layer=4, n_head=8, n_embd=256
)
if args.variant == "synthesizer":
    mconf.synthesizer = True
model = model.GPT(mconf).to(device)

final_tokens = 200 * len(pretrain_dataset) * block_size
if args.function == "pretrain":
    tconf = trainer.TrainerConfig(
        max_epochs=650, batch_size=128, learning_rate=6e-3, lr_decay=True,
        warmup_tokens=512 * 20, final_tokens=final_tokens, num_workers=4,
    )  # fmt: skip
    trainer.Trainer(model, pretrain_dataset, None, tconf).train()
    torch.save(model.state_dict(), args.writing_params_path)
elif args.function == "finetune":
    epochs = 75
    if args.reading_params_path is not None:
        model.load_state_dict(torch.load(args.reading_params_path))
        epochs = 10
    tconf = trainer.TrainerConfig(
        max_epochs=epochs, batch_size=256, learning_rate=6e-4, lr_decay=True,
        warmup_tokens=512 * 20, final_tokens=final_tokens, num_workers=4,
    )  # fmt: skip
    names = open(args.finetune_corpus_path, encoding="utf-8").read()
    finetune_dataset = dataset.NameDataset(pretrain_dataset, names)
    trainer.Trainer(model, finetune_dataset, None, tconf).train()
    torch.save(model.state_dict(), args.writing_params_path)
elif args.function == "evaluate":
    model.load_state_dict(torch.load(args.reading_params_path))
    predictions = []
    with open(args.outputs_path, "w", encoding="utf-8") as fout:
        for line in tqdm(open(args.eval_corpus_path, encoding="utf-8")):
            question = line.split("\t")[0].strip() + "\u2047"
            x = torch.tensor([pretrain_dataset.stoi[s] for s in question])[None, ...].to(device)
            out = utils.sample(model, x, 32, sample=False)[0]
            completion = "".join(pretrain_dataset.itos[int(i)] for i in out)
            place = completion.split("\u2047")[1].split("\n")[0]
            predictions.append(place)
            fout.write(place + "\n")
    total, correct = utils.evaluate_places(args.eval_corpus_path, predictions)
    if total > 0:
        print(f"Correct: {correct} out of {total}: {correct / total * 100}%")
    else:
        print(f"Predictions written to {args.outputs_path}; no targets provided")
