"""The training loop. It knows nothing of names or characters: any dataset of pairs x, y will do."""

import math

import torch
from torch.utils.data import DataLoader
from tqdm import tqdm


class TrainerConfig:
    """Settings of a training run; each can be given to the constructor by name."""

    max_epochs = 10
    batch_size = 64
    learning_rate = 3e-4
    betas = (0.9, 0.95)
    grad_norm_clip = 1.0
    weight_decay = 0.1
    lr_decay = False  # if True: warm up, then fall along a cosine
    warmup_tokens = 375e6  # characters until the full rate is reached
    final_tokens = 260e9  # characters until the cosine is at its lowest
    num_workers = 0  # processes that prepare batches

    def __init__(self, **kwargs):
        for name, value in kwargs.items():
            setattr(self, name, value)


class Trainer:
    def __init__(self, model, train_dataset, test_dataset, config):
        self.train_dataset = train_dataset
        self.test_dataset = test_dataset
        self.config = config
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model = model.to(self.device)
        self.tokens = 0  # characters seen so far, padding included
        self.losses = []  # one number for each step

    def optimizer(self):
        """AdamW; biases do not decay."""
        named = list(self.model.named_parameters())
        groups = [
            {"params": [p for name, p in named if "bias" not in name],
             "weight_decay": self.config.weight_decay},
            {"params": [p for name, p in named if "bias" in name], "weight_decay": 0.0},
        ]  # fmt: skip
        return torch.optim.AdamW(groups, lr=self.config.learning_rate, betas=self.config.betas)

    def rate(self):
        """The learning rate after `self.tokens` characters."""
        config = self.config
        if not config.lr_decay:
            return config.learning_rate
        if self.tokens < config.warmup_tokens:
            share = self.tokens / max(1, config.warmup_tokens)
        else:
            beyond = self.tokens - config.warmup_tokens
            progress = beyond / max(1, config.final_tokens - config.warmup_tokens)
            share = max(0.1, 0.5 * (1.0 + math.cos(math.pi * progress)))
        return share * config.learning_rate

    def train(self):
        config, optimizer = self.config, self.optimizer()
        self.model.train()
        for epoch in range(config.max_epochs):
            loader = DataLoader(
                self.train_dataset, batch_size=config.batch_size, num_workers=config.num_workers
            )
            bar = tqdm(loader)
            for x, y in bar:
                x, y = x.to(self.device), y.to(self.device)
                _, loss = self.model(x, y)
                optimizer.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(self.model.parameters(), config.grad_norm_clip)
                optimizer.step()
                self.losses.append(loss.item())
                self.tokens += y.numel()
                for group in optimizer.param_groups:
                    group["lr"] = self.rate()
                bar.set_description(f"epoch {epoch + 1}: loss {loss.item():.4f}")
