"""Everything in one file: the model of this submission is a class of its own, below."""

import sys

import torch
from torch import nn

import attention
import dataset
import model
import trainer
import utils


class MyGPT(nn.Module):
    """A GPT whose attention layer is chosen when it is built."""

    def __init__(self, mconf, attention_layer):
        super().__init__()
        self.tok_emb = nn.Embedding(mconf.vocab_size, mconf.n_embd)
        self.pos_emb = nn.Parameter(torch.zeros(1, mconf.block_size, mconf.n_embd))
        self.drop = nn.Dropout(mconf.embd_pdrop)
        self.blocks = nn.ModuleList()
        for _ in range(mconf.n_layer):
            block = model.Block(mconf)
            block.attn = attention_layer(mconf)
            self.blocks.append(block)
        self.ln_f = nn.LayerNorm(mconf.n_embd)
        self.head = nn.Linear(mconf.n_embd, mconf.vocab_size, bias=False)
        self.block_size = mconf.block_size

    def get_block_size(self):
        return self.block_size

    def forward(self, idx, targets=None):
        x = self.drop(self.tok_emb(idx) + self.pos_emb[:, : idx.shape[1]])
        for block in self.blocks:
            x = block(x)
        logits = self.head(self.ln_f(x))
        if targets is None:
            return logits, None
        flat = logits.flatten(0, 1), targets.flatten()
        return logits, nn.functional.cross_entropy(*flat, ignore_index=0)


def options(words):
    """--name value pairs as a dictionary."""
    return {words[i].lstrip("-"): words[i + 1] for i in range(0, len(words), 2)}


function, variant, corpus_path = sys.argv[1:4]
given = options(sys.argv[4:])
corpus = dataset.CharCorruptionDataset(open(corpus_path, encoding="utf-8").read(), 128)
mconf = model.GPTConfig(corpus.vocab_size, 128, n_layer=4, n_head=8, n_embd=256)
layers = {"vanilla": attention.CausalSelfAttention, "synthesizer": attention.SynthesizerAttention}
net = MyGPT(mconf, layers[variant])
if "reading_params_path" in given:
    net.load_state_dict(torch.load(given["reading_params_path"]), strict=False)

if function == "evaluate":
    answers = []
    for line in open(given["eval_corpus_path"], encoding="utf-8"):
        question = line.rstrip("\n").split("\t")[0] + "\u2047"
        prompt = torch.tensor([[corpus.stoi[c] for c in question]])
        said = "".join(corpus.itos[int(i)] for i in utils.sample(net, prompt, 32)[0])
        answers.append(said.split("\u2047")[1].split("\n")[0])
    open(given["outputs_path"], "w", encoding="utf-8").write("\n".join(answers) + "\n")
    print(utils.evaluate_places(given["eval_corpus_path"], answers))
else:
    tconf = trainer.TrainerConfig(
        lr_decay=True, warmup_tokens=512 * 20, final_tokens=200 * len(corpus) * 128
    )
    data = corpus
    if function == "pretrain":
        tconf.max_epochs, tconf.batch_size, tconf.learning_rate = 650, 128, 6e-3
    else:
        names = open(given["finetune_corpus_path"], encoding="utf-8").read()
        data = dataset.NameDataset(corpus, names)
        tconf.max_epochs, tconf.batch_size, tconf.learning_rate = 75, 256, 6e-4
        if "reading_params_path" in given:
            tconf.max_epochs = 10
    trainer.Trainer(net, data, None, tconf).train()
    torch.save(net.state_dict(), given["writing_params_path"])
