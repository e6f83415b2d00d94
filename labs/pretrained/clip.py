"""CLIP: which caption belongs to which picture?

    python -m labs.pretrained.clip train --out FOLDER
    python -m labs.pretrained.clip prompt --model FOLDER --target 3
    python -m labs.pretrained.clip page --model FOLDER --out page.html

`train` makes a tiny CLIP on pictures of coloured shapes that it draws itself. `prompt` looks for
the caption with which the model chooses one picture from a pool. With --pictures FOLDER the pool is
your own files, for OpenAI's weights say (--model openai/clip-vit-base-patch32).
"""

import argparse
import base64
import html
import io
import itertools
import json
import random
import time
from pathlib import Path

from base.cli import Parser, check_words, whole
from base.errors import UserError, errors_are_sentences
from base.files import write_whole


def make_parser() -> Parser:
    parser = Parser(description=__doc__.split("\n\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    sub = commands.add_parser("train")
    sub.add_argument("--out", type=Path, required=True)
    sub.add_argument("--steps", type=whole(), default=600)
    sub.add_argument("--seed", type=whole(0), default=0)
    for command in ("prompt", "page"):
        sub = commands.add_parser(command)
        sub.add_argument("--model", required=True)
        sub.add_argument("--pictures", type=Path, help="a folder of your own")
        sub.add_argument("--size", type=whole(), default=8, help="of the drawn pool")
        sub.add_argument("--seed", type=whole(0), default=7)
        if command == "prompt":
            sub.add_argument("--target", type=whole(0), required=True, help="its number, from 0")
            sub.add_argument("--words", nargs="+", help="captions to try, in every template")
        else:
            sub.add_argument("--captions", nargs="+")
            sub.add_argument("--out", type=Path, required=True)
    return parser


if __name__ == "__main__":  # `--help` and wrong words end here, before the slow imports
    check_words(make_parser())

import numpy as np
import torch
from tqdm import tqdm

from labs.pretrained import classify, tiny

SIDE = 32  # pixels
COLOURS = {
    "red": (220, 40, 40),
    "green": (40, 170, 70),
    "blue": (50, 80, 220),
    "yellow": (235, 205, 50),
    "purple": (150, 60, 180),
}
SHAPES = ("circle", "square", "triangle", "cross")
SIZES = {"small": 4.5, "big": 7.5}
PLACES = {"left": (8, 16), "right": (24, 16), "top": (16, 8), "bottom": (16, 24)}
COUNTS = ("one", "two")
TEMPLATES = ("{}", "a picture of {}", "a photo of {}", "this is {}", "{} on white")
Combination = tuple[str, str, str, str, str]  # count, size, colour, shape, place


def combinations() -> list[Combination]:
    """All 320: two of a kind lie side by side at the top or bottom, above each other elsewhere."""
    return list(itertools.product(COUNTS, SIZES, COLOURS, SHAPES, PLACES))


def phrase(combination: Combination) -> str:
    """As "one big red circle left"."""
    return " ".join(combination)


def held_out(seed: int = 0) -> tuple[list[Combination], list[Combination]]:
    """(seen in training, never seen): one combination in five is kept away."""
    every = combinations()
    random.Random(seed).shuffle(every)
    return every[64:], every[:64]


def draw(combination: Combination, dice: random.Random) -> np.ndarray:
    """The picture (32, 32, 3), uint8: place, colour and background vary a little."""
    count, size, colour, shape, place = combination
    grey = dice.randint(225, 255)
    picture = np.full((SIDE, SIDE, 3), grey, dtype=np.int64)
    shift = [dice.uniform(-1.5, 1.5) for _ in range(2)]
    x, y = (at + off for at, off in zip(PLACES[place], shift, strict=True))
    radius = SIZES[size] * dice.uniform(0.9, 1.1)
    centres = [(x, y)]
    if count == "two":
        radius *= 0.75
        step = radius + 1
        dx, dy = (0, step) if place in ("left", "right") else (step, 0)
        centres = [(x - dx, y - dy), (x + dx, y + dy)]
    ink = [value + dice.randint(-15, 15) for value in COLOURS[colour]]
    across, down = np.meshgrid(np.arange(SIDE) + 0.5, np.arange(SIDE) + 0.5)
    for cx, cy in centres:
        u, v = (across - cx) / radius, (down - cy) / radius
        inside = {
            "circle": u**2 + v**2 < 1,
            "square": np.maximum(abs(u), abs(v)) < 0.9,
            "triangle": (v < 0.9) & (v > 2 * abs(u) - 1),
            "cross": (np.minimum(abs(u), abs(v)) < 0.3) & (np.maximum(abs(u), abs(v)) < 1),
        }[shape]
        picture[inside] = ink
    return picture.clip(0, 255).astype(np.uint8)


def pixels(pictures: list[np.ndarray], mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)) -> torch.Tensor:
    """(B, 3, H, W) from pictures (H, W, 3) of one size."""
    scaled = torch.from_numpy(np.stack(pictures)).float() / 255
    return ((scaled - torch.tensor(mean)) / torch.tensor(std)).permute(0, 3, 1, 2)


def make_model(tokenizer, channels: int = 96):
    """A tiny CLIPModel with random weights."""
    from transformers import CLIPConfig, CLIPModel

    common = {
        "hidden_size": channels,
        "intermediate_size": 3 * channels,
        "num_attention_heads": 4,
        "projection_dim": 64,
    }
    text = common | {
        "num_hidden_layers": 2,
        "vocab_size": len(tokenizer),
        "max_position_embeddings": 24,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.cls_token_id,
        "eos_token_id": tokenizer.sep_token_id,
    }
    vision = common | {"num_hidden_layers": 3, "image_size": SIDE, "patch_size": 8}
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=64)
    return CLIPModel(config)


def caption_batch(tokenizer, captions: list[str]) -> dict[str, torch.Tensor]:
    fields = tokenizer(captions, padding=True, truncation=True, return_tensors="pt")
    return {name: fields[name] for name in ("input_ids", "attention_mask")}


@torch.no_grad()
def cosines(model, tokenizer, captions: list[str], images: torch.Tensor) -> torch.Tensor:
    """(captions, images)."""
    model.eval()
    found = model(**caption_batch(tokenizer, captions), pixel_values=images)
    text, image = found.text_embeds, found.image_embeds
    return (text / text.norm(dim=1, keepdim=True)) @ (image / image.norm(dim=1, keepdim=True)).T


def recall_at_1(model, tokenizer, which: list[Combination], seed: int) -> dict[str, float]:
    """Share of captions whose nearest picture is theirs, and of pictures whose caption is."""
    dice = random.Random(seed)
    images = pixels([draw(one, dice) for one in which])
    table = cosines(model, tokenizer, [phrase(one) for one in which], images)
    own = torch.arange(len(which))
    return {
        "n": len(which),
        "caption_to_picture": float((table.argmax(1) == own).float().mean()),
        "picture_to_caption": float((table.argmax(0) == own).float().mean()),
    }


def train(out: Path, steps: int, seed: int = 0, batch: int = 64, rate: float = 1e-3) -> dict:
    """Train a tiny CLIP contrastively and save it in `out`/model: its recall at 1 on combinations
    that it never saw, alone among each other."""
    torch.manual_seed(seed)
    dice = random.Random(seed)
    seen, unseen = held_out(seed)
    filled = [template.format(phrase(one)) for one in combinations() for template in TEMPLATES]
    tokenizer = tiny.make_tokenizer(filled)
    model = make_model(tokenizer)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.05, fused=True)
    start, curve = time.perf_counter(), []
    for step in tqdm(range(steps), desc="contrastive", mininterval=2):
        model.train()
        for group in optimizer.param_groups:
            group["lr"] = rate * classify.schedule(step, steps, 0.05)
        which = dice.sample(seen, min(batch, len(seen)))
        captions = [dice.choice(TEMPLATES).format(phrase(one)) for one in which]
        images = pixels([draw(one, dice) for one in which])
        with classify.precision(torch.device("cpu")):
            fields = caption_batch(tokenizer, captions)
            loss = model(**fields, pixel_values=images, return_loss=True).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if (step + 1) % 100 == 0:
            curve.append({"step": step + 1, "loss": float(loss.detach())})
            tqdm.write(json.dumps(curve[-1]))
    model.save_pretrained(out / "model")
    tokenizer.save_pretrained(out / "model")
    result = {
        "steps": steps,
        "minutes": (time.perf_counter() - start) / 60,
        "parameters": sum(p.numel() for p in model.parameters()),
        "curve": curve,
        "held_out": recall_at_1(model, tokenizer, unseen, seed + 1000),
        "seen": recall_at_1(model, tokenizer, seen[: len(unseen)], seed + 1000),
    }
    with write_whole(str(out / "result.json")) as file:
        json.dump(result, file, indent=1)
    return result


def load(name: str):
    """(tokenizer, CLIPModel) of a folder or a hub name."""
    from transformers import AutoTokenizer, CLIPModel
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        model, info = CLIPModel.from_pretrained(name, output_loading_info=True)
        tokenizer = AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines() or ["unknown"]
        raise UserError(f"{name}: cannot be loaded as a CLIP ({reason[0]})") from None
    if info["missing_keys"]:
        raise UserError(f"{name}: is no CLIP; it has no {sorted(info['missing_keys'])[0]}")
    return tokenizer, model


def read_pictures(folder: Path, model) -> tuple[list[str], list[np.ndarray], torch.Tensor]:
    """Names, pictures and pixels of the files in `folder`, as OpenAI's CLIP wants them."""
    from PIL import Image
    from transformers.image_utils import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

    paths = [p for p in sorted(folder.glob("*")) if p.suffix.lower() in (".png", ".jpg", ".jpeg")]
    if not paths:
        raise UserError(f"{folder}: has no .png or .jpg in it")
    images = [Image.open(path).convert("RGB") for path in paths]
    side = model.config.vision_config.image_size
    small = [image.resize((side, side), Image.Resampling.BICUBIC) for image in images]
    arrays = [np.asarray(image) for image in small]
    return [p.name for p in paths], arrays, pixels(arrays, OPENAI_CLIP_MEAN, OPENAI_CLIP_STD)


def judge(table: torch.Tensor, target: int, scale: float) -> list[dict]:
    """For each row of cosines: the target's share of the softmax over pictures, its rank from 1,
    and its margin over the best other picture (in cosines)."""
    found = []
    for row in table:
        other = torch.cat([row[:target], row[target + 1 :]]).max()
        found.append(
            {
                "share": float((scale * row).softmax(0)[target]),
                "rank": int((row > row[target]).sum()) + 1,
                "margin": float(row[target] - other),
            }
        )
    return found


def search(model, tokenizer, images, target: int, words: list[str], templates=TEMPLATES) -> list:
    """Every template with every word, best first: the caption, share, rank and margin."""
    captions = [template.format(word) for template in templates for word in words]
    table = cosines(model, tokenizer, captions, images)
    scale = float(model.logit_scale.detach().exp())
    found = [
        {"caption": caption} | verdict
        for caption, verdict in zip(captions, judge(table, target, scale), strict=True)
    ]
    return sorted(found, key=lambda one: (one["rank"], -one["margin"]))


def zero_shot(model, tokenizer, images, words: list[str], templates=TEMPLATES) -> torch.Tensor:
    """(images, words): the shares of each word, its embedding the mean over templates."""
    tables = [cosines(model, tokenizer, [t.format(w) for w in words], images) for t in templates]
    mean = torch.stack(tables).mean(0)
    return (model.logit_scale.exp().detach() * mean.T).softmax(1)


def as_image(picture: np.ndarray) -> str:
    """A data URL of a picture, four times as large."""
    from PIL import Image

    large = Image.fromarray(picture).resize((128, 128), Image.Resampling.NEAREST)
    memory = io.BytesIO()
    large.save(memory, "PNG")
    return f"data:image/png;base64,{base64.b64encode(memory.getvalue()).decode()}"


def page(pictures: list[np.ndarray], captions: list[str], table: torch.Tensor) -> str:
    """HTML: every picture, and the cosine of every caption with it; the best of a row is marked."""
    head = "".join(f'<th><img src="{as_image(p)}" width="64" alt=""></th>' for p in pictures)
    lines = []
    for caption, row in zip(captions, table, strict=True):
        cells = ""
        for value in map(float, row):
            shade = f"background:rgba(60,110,200,{max(0.0, value):.2f})"
            frame = ";font-weight:bold;outline:2px solid" if value == float(row.max()) else ""
            cells += f'<td style="{shade}{frame}">{value:.2f}</td>'
        lines.append(f"<tr><th>{html.escape(caption)}</th>{cells}</tr>")
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Captions and pictures</title>'
        "<style>body{font:15px sans-serif;margin:2em}td{text-align:center;min-width:4em}"
        "th{text-align:left;font-weight:normal;padding-right:1em}</style>"
        "<h1>Captions and pictures</h1><p>Cosine of each caption with each picture. The picture "
        "that a caption chooses is in a frame.</p>"
        f"<table><tr><th></th>{head}</tr>{''.join(lines)}</table></html>\n"
    )


def pool(args: argparse.Namespace, model) -> tuple[list[str], list[np.ndarray], torch.Tensor]:
    """Names, pictures and pixels of --pictures; without it, of combinations not trained on."""
    if args.pictures:
        return read_pictures(args.pictures, model)
    dice = random.Random(args.seed)
    which = held_out()[1][: args.size]
    pictures = [draw(one, dice) for one in which]
    return [phrase(one) for one in which], pictures, pixels(pictures)


def main() -> None:
    args = make_parser().parse_args()
    if args.command == "train":
        result = train(args.out, args.steps, args.seed)
        print(json.dumps({key: result[key] for key in ("minutes", "held_out", "seen")}))
        return
    tokenizer, model = load(args.model)
    names, pictures, images = pool(args, model)
    if args.command == "page":
        captions = args.captions or names
        table = cosines(model, tokenizer, captions, images)
        with write_whole(str(args.out)) as file:
            file.write(page(pictures, captions, table))
        print(f"{args.out}: {len(captions)} captions, {len(pictures)} pictures")
        return
    if not 0 <= args.target < len(pictures):
        raise UserError(f"--target {args.target}: the pool has pictures 0 to {len(pictures) - 1}")
    words = args.words or [" ".join(c) for c in itertools.product(COLOURS, SHAPES)]
    print(f"target: {names[args.target]}")
    for one in search(model, tokenizer, images, args.target, words)[:10]:
        print(f"rank {one['rank']}  share {one['share']:.3f}  margin {one['margin']:+.3f}  "
              f"{one['caption']}")  # fmt: skip


if __name__ == "__main__":
    with errors_are_sentences():
        main()
