import torch


@torch.no_grad()
def sample(model, x, steps, temperature=1.0, sample=False, top_k=None):
    model.eval()
    for _ in range(steps):
        scores = model(x)[0][:, -1] / temperature
        x = torch.cat((x, scores.argmax(-1, keepdim=True)), dim=1)
    return x


def evaluate_places(filepath, predicted_places):
    with open(filepath, encoding="utf-8") as f:
        gold = [line.rstrip("\n").split("\t")[1:] for line in f]
    if not gold[0]:
        return 0.0, 0.0
    right = sum(g[0] == p for g, p in zip(gold, predicted_places, strict=True))
    return float(len(gold)), float(right)
