"""One HTML page that holds a model: ask it, and see how it comes to its answer.

python src/explore.py PARAMS CORPUS -o model.html [--compare OTHER_PARAMS]

The page computes in the browser and needs no network. It shows the answer with its confidence and
its sentence of the corpus, attention by layer and head, and what each layer would say; of two
models (before and after finetuning, vanilla and rope), where they part.
"""

if __name__ == "__main__":  # before the imports that take seconds
    from base.interrupts import end_quietly

    end_quietly()

import argparse
import os
import sys

from base.cli import Parser
from base.errors import UserError, errors_are_sentences
from base.interrupts import importing

INVENTED = 50  # names on the page of people who do not exist
MOST_NAMES = 20_000  # that the page completes


def parser() -> Parser:
    p = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("params", metavar="PARAMS", help="a model's params")
    p.add_argument("corpus", metavar="CORPUS", help="the corpus that it was pretrained on")
    p.add_argument("-o", "--output", default="model.html", help="the page (default: model.html)")
    p.add_argument(
        "--compare", metavar="PARAMS", help="a second model of the same corpus, shown beside it"
    )
    p.add_argument("--variant", help="of PARAMS, if no .json stands beside it")
    return p


def own_calibration(path: str) -> dict | None:
    """The calibration beside the params. None for one whose recall is that of the params before
    finetuning, which the page does not hold."""
    from answers.confidence import read_calibration

    try:
        return read_calibration(path)
    except UserError:
        read_calibration(path, pretrained=True)  # or it is no calibration of these params at all
        print(f"{path}: its calibration needs the params before finetuning; shown uncalibrated")
        return None


def shown(path: str, dataset, variant: str | None):
    """The model in `path`, with what the page says of it."""
    from answers import confidence
    from page.explorer import Shown, check_variant
    from params import load_model, read_description

    about = read_description(path)
    model = load_model(path, dataset, variant)
    check_variant(model.variant, path)
    calibration = own_calibration(path)
    weights = [calibration[name] for name in confidence.WEIGHTS] if calibration else None
    facts = {
        "variant": model.variant,
        "positions": model.positions,
        "layers": model.config.n_layer,
        "heads": model.config.n_head,
        "parameters": f"{sum(p.numel() for p in model.parameters()):,}",
    }
    facts |= {name: about[name] for name in ("recipe", "function", "steps") if about.get(name)}
    label = os.path.basename(path)
    return Shown(
        label,
        model,
        {name: str(value) for name, value in facts.items()},
        list(confidence.START) if weights is None else weights,
        calibration is not None,
    )


def page_of(params: list[str], corpus: str, variant: str | None = None) -> str:
    """The page of one model, or of two of one corpus, as HTML. `variant`: of the first.

    Raises UserError for params of another corpus, and for variants that the page cannot compute.
    """
    with importing():
        from answers.confidence_signals import RECALL
        from answers.predict import answer_length, stops
        from answers.provenance import Corpus, invented_people
        from base.files import find_files, read_text
        from dataset import MASK, PAD, CharCorruptionDataset
        from page.explorer import described, page
        from training.salience import title_length

    (path,) = find_files(corpus)
    text = read_text(path)
    dataset = CharCorruptionDataset(text, 128, source=path)
    stands = Corpus(text)
    variants = [variant, *[None] * len(params)]
    models = [shown(one, dataset, of) for one, of in zip(params, variants, strict=False)]
    titles = (document[: title_length(document)] for document in stands.documents)
    names = list(dict.fromkeys(title for title in titles if title))[:MOST_NAMES]
    held = {
        "models": [
            described(model, stops(dataset), answer_length(one))
            for model, one in zip(models, params, strict=True)
        ],
        "vocabulary": [dataset.itos[i] for i in range(dataset.vocab_size)],
        "reserved": [dataset.itos[PAD], dataset.itos[MASK]],
        "mask": MASK,
        "recall": RECALL.format(""),
        "documents": stands.documents,
        "names": names,
        "invented": invented_people(names, stands, INVENTED),
    }
    return page(held)


def main(argv: list[str] | None = None) -> None:
    args = parser().parse_args(argv)
    from base.files import check_outputs, write_whole

    check_outputs([args.output], (args.params, args.compare, args.corpus))
    params = [args.params, args.compare] if args.compare else [args.params]
    html = page_of(params, args.corpus, args.variant)
    with write_whole(args.output) as file:
        file.write(html)
    print(f"{args.output}: {len(html.encode()) / 1e6:.1f} MB; open it in a browser")


if __name__ == "__main__":
    with errors_are_sentences():
        main(sys.argv[1:])
