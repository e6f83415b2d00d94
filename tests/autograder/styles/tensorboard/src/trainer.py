"""A trainer that reports every step to TensorBoard, as the kits of 2023 and 2024 do."""

import math

import torch
from torch.utils.data import DataLoader


class TrainerConfig:
    max_epochs = 10
    batch_size = 64
    learning_rate = 3e-4
    betas = (0.9, 0.95)
    grad_norm_clip = 1.0
    lr_decay = False
    warmup_tokens = 375e6
    final_tokens = 260e9
    num_workers = 0
    writer = None

    def __init__(self, **kwargs):
        for name, value in kwargs.items():
            setattr(self, name, value)


class Trainer:
    def __init__(self, model, train_dataset, test_dataset, config):
        self.model, self.train_dataset, self.config = model, train_dataset, config
        self.tokens = self.step = 0

    def rate(self):
        c = self.config
        if not c.lr_decay:
            return c.learning_rate
        if self.tokens < c.warmup_tokens:
            return c.learning_rate * self.tokens / c.warmup_tokens
        done = (self.tokens - c.warmup_tokens) / (c.final_tokens - c.warmup_tokens)
        return c.learning_rate * max(0.1, 0.5 * (1 + math.cos(math.pi * done)))

    def train(self):
        c = self.config
        c.writer.add_text("settings", str(vars(c)))
        optimizer = torch.optim.AdamW(self.model.parameters(), lr=c.learning_rate, betas=c.betas)
        loader = DataLoader(self.train_dataset, shuffle=True, batch_size=c.batch_size,
                            num_workers=c.num_workers)  # fmt: skip
        for _ in range(c.max_epochs):
            self.model.train()
            for x, y in loader:
                loss = self.model(x, y)[1]
                self.model.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(self.model.parameters(), c.grad_norm_clip)
                optimizer.step()
                self.tokens += int((y >= 0).sum())
                optimizer.param_groups[0]["lr"] = self.rate()
                c.writer.add_scalar("train/loss", loss.item(), self.step)
                self.step += 1
