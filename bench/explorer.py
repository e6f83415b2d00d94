"""The page of src/explore.py in a real browser: does it answer as Python does, and how soon?

python bench/explorer.py [PARAMS CORPUS QUESTIONS]

Opens the page in Chromium (with chromedriver and selenium), asks every question of the file and
compares the answers, and all logits on the way, with those of the params in float32; the page's own
weights are rounded to 16 bits. Without paths: the model that comes with the project and its 119
questions. The last line is JSON.
"""

import json
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from options import new_parser

from base.cli import Parser, check_words
from base.errors import UserError, errors_are_sentences
from base.files import read_text
from base.questions import load_rows, person


def parser() -> Parser:
    p = new_parser(__doc__)
    p.add_argument("paths", nargs="*", metavar="PARAMS CORPUS QUESTIONS", help="all three, or none")
    return p


if __name__ == "__main__":  # `--help` and wrong words end here, before the slow imports
    check_words(parser())

import torch

from answers import predict
from dataset import MASK_CHAR, CharCorruptionDataset
from explore import page_of
from params import SHIPPED, load_model
from training.runlog import machine

ASK = """
const [name, done] = arguments, began = performance.now();
const {text, traces} = answer(MODELS[0], characters(`Where was ${name} born?`).concat(DATA.mask));
const answered = performance.now();
ask(name).then(() => done({text: written(text), shown: VIEWS[0].answer.textContent,
  logits: traces.map((trace) => Array.from(trace.logits)),
  answer: answered - began, page: performance.now() - answered}));
"""


def browser(folder: str):
    """Chromium without a window. Raises UserError where it, or selenium, is not installed."""
    try:
        from selenium import webdriver
    except ImportError:
        raise UserError("no selenium: pip install selenium") from None
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        raise UserError("no browser: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    for flag in ("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}"):
        options.add_argument(flag)
    options.binary_location = shutil.which("chromium")
    return webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))


@torch.no_grad()
def main(paths: list[str]) -> None:
    if len(paths) not in (0, 3):
        raise UserError("give PARAMS, CORPUS and QUESTIONS, or none of them")
    own = [str(SHIPPED / name) for name in ("model.params", "wiki.txt", "birth_dev.tsv")]
    params, corpus, questions = paths or own
    html = page_of([params], corpus)
    dataset = CharCorruptionDataset(read_text(corpus), 128)
    model = load_model(params, dataset)
    asked = [row.question for row in load_rows(questions, places=True)]
    wanted = predict.predict(model, dataset, asked, predict.answer_length(params))
    found, apart = [], 0.0
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "model.html"
        page.write_text(html, encoding="utf-8")
        driver = browser(f"{folder}/profile")
        try:
            began = time.perf_counter()
            driver.get(page.as_uri())
            while not driver.execute_script("return document.body.dataset.ready"):
                time.sleep(0.01)
            opened = time.perf_counter() - began
            for question, answer in zip(asked, wanted, strict=True):
                theirs = driver.execute_async_script(ASK, person(question))
                text = [dataset.stoi[c] for c in question + MASK_CHAR + theirs["text"]]
                logits = torch.tensor(theirs["logits"])
                ours = model(torch.tensor([text]))[0][0, : len(logits)]
                apart = max(apart, (ours - logits).abs().max().item())
                equal = theirs["text"] == theirs["shown"] == answer
                found.append((equal, theirs["answer"], theirs["page"]))
        finally:
            driver.quit()
    equal, answers, pages = zip(*found, strict=True)
    print(json.dumps({
        "params": params, "questions": len(asked), "equal answers": sum(equal),
        "largest difference of a logit": apart, "page MB": round(len(html.encode()) / 1e6, 2),
        "seconds to open and answer once": round(opened, 2),
        "ms an answer": round(statistics.median(answers)),
        "ms an answer with all that is shown": round(statistics.median(pages)),
        "the slowest": round(max(pages)), "machine": machine(torch.device("cpu")),
    }))  # fmt: skip


if __name__ == "__main__":
    with errors_are_sentences():
        main(parser().parse_args().paths)
