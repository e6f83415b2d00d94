"""The editions: settings files in editions/, and which of them a submission was made from."""

import json
from pathlib import Path, PurePosixPath

HERE = Path(__file__).resolve().parent
FOLDER = HERE / "editions"
FILE_WEIGHT = 3  # a file of this name says more than a word in a program
NOT_HERE = {  # words of kits that no settings are shipped for
    "initialize_perceiver_model": "XCS224N with the perceiver",
    "initialize_rope_model": "XCS224N with RoPE",
}


class UnknownEdition(ValueError):
    """No settings of this name, or a submission that fits none or several."""


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def load(edition: str) -> dict:
    """The settings of a shipped edition, or those in a file. Raises UnknownEdition."""
    path = Path(edition)
    if not path.is_file():
        path = FOLDER / f"{edition}.json"
    if not path.is_file():
        shipped = ", ".join(names())
        raise UnknownEdition(f"--edition {edition}: no such settings; give {shipped}, auto or a "
                             "file")  # fmt: skip
    return json.loads(path.read_text(encoding="utf-8"))


def detect(folder: Path) -> str:
    """The edition whose kit the unpacked submission in `folder` was made from: the one with the
    most marks (its files, and words in its programs). Raises UnknownEdition for none or a tie."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    shown = [PurePosixPath(path.relative_to(folder)) for path in paths]
    text = "\n".join(
        path.read_text(encoding="utf-8", errors="replace")
        for path in paths
        if path.suffix == ".py" and path.stat().st_size < 2**20
    )
    for word, kit in NOT_HERE.items():
        if word in text:
            raise UnknownEdition(f"--edition auto: the submission is from {kit}, for which there "
                                 "are no settings; make a file from xcs224n.json and name it")
    counts = {}
    for name in names():
        marks = load(name)["marks"]
        files = sum(any(path.match(mark) for path in shown) for mark in marks["files"])
        counts[name] = FILE_WEIGHT * files + sum(word in text for word in marks["words"])
    most = max(counts.values())
    best = [name for name, count in counts.items() if count == most]
    if most == 0 or len(best) > 1:
        why = "no edition's marks are in it" if most == 0 else f"it fits {' and '.join(best)}"
        raise UnknownEdition(f"--edition auto cannot tell the submission's edition: {why}; name "
                             "one")  # fmt: skip
    return best[0]


def explain(settings: dict, name: str, wants: str) -> str:
    """What the check `name` of an edition wants and why; `wants`: the check's own description."""
    entry = next((e for e in settings["checks"] if e["name"] == name), None)
    if entry is None:
        known = ", ".join(e["name"] for e in settings["checks"])
        raise UnknownEdition(f"--explain {name}: no such check; {settings['edition']} has {known}")
    args = entry.get("args", {})
    worth = f"{entry['points']:g} point{'' if entry['points'] == 1 else 's'}"
    lines = [f"{name}: {entry['title']} ({worth}, {entry['visibility']})",
             f"Handout: {settings['parts'][entry['part']]}", "", wants]  # fmt: skip
    if args:
        lines += ["", "Here: " + ", ".join(f"{key} = {value}" for key, value in args.items())]
    if "phase" in args:
        for key, value in settings["phases"][args["phase"]].items():
            unit = " * len(pretrain_dataset) * block_size" if key == "final_tokens" else ""
            shown = value if isinstance(value, bool) else f"{value:g}"
            lines.append(f"  {key} = {shown}{unit}")
    if entry["check"] == "london":
        calls = [" ".join(["python", settings["baseline"]["file"], *argv])
                 for argv in settings["baseline"]["calls"]]  # fmt: skip
        lines += ["Called as", *(f"  {call}" for call in calls)]
    if entry["part"] == "e":
        extra = [f"block_size{f' - {-n}' if n else ''}" for n in settings["row_lengths"]]
        lines += ["", f"x and y have {' or '.join(extra)} characters; "
                      f"{' or '.join(map(str, settings['masks']))} MASKs in a row"]  # fmt: skip
    return "\n".join(lines)
