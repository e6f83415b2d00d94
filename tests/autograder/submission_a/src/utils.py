import torch
import torch.nn.functional as F


@torch.no_grad()
def sample(model, x, steps, temperature=1.0, sample=False, top_k=None):
    model.eval()
    for _ in range(steps):
        logits, _ = model(x[:, -(model.get_block_size() - 1) :])
        probabilities = F.softmax(logits[:, -1, :] / temperature, dim=-1)
        if sample:
            ix = torch.multinomial(probabilities, 1)
        else:
            ix = probabilities.argmax(dim=-1, keepdim=True)
        x = torch.cat((x, ix), dim=1)
    return x


def evaluate_places(filepath, predicted_places):
    lines = [x.split("\t") for x in open(filepath, encoding="utf-8")]
    if len(lines[0]) == 1:
        return (0, 0)
    gold = [x[1].strip() for x in lines]
    right = sum(a == b for a, b in zip(gold, predicted_places, strict=True))
    return (float(len(gold)), float(right))
