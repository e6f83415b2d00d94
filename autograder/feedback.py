"""What comes out of grading: verdicts, the desk's table, Gradescope's results.json."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from verdicts import visible

LONGEST_LINE = 4000  # characters of feedback
PASSED, FAILED, NOT_RUN = "passed", "failed", "not run"
INDENT = " " * 25


@dataclass
class Result:
    """One check's verdict. `entry` is its line in the edition's settings; `cause`: the mistake that
    it failed by, where others may too; `open`: not run, and yet its points are in the total."""

    entry: dict
    status: str
    lines: list[str]
    cause: str = ""
    open: bool = False

    def __post_init__(self) -> None:
        self.lines, self.cause = [shown(line) for line in self.lines], shown(self.cause)

    @property
    def most(self) -> float:
        """What the check is worth: nothing where it could not be run."""
        counts = self.status != NOT_RUN or self.open
        return float(self.entry["points"]) if counts else 0.0

    @property
    def score(self) -> float:
        return self.most if self.status == PASSED else 0.0


def shown(text: str) -> str:
    """Text of the submission as people may see it: not endless, no half characters, and nothing
    that a terminal or browser would obey."""
    return visible(text[:LONGEST_LINE].encode("utf-8", "backslashreplace").decode("utf-8"))


@dataclass
class Report:
    """All verdicts on a submission. `notes`: what is said at the top; `causes`: mistakes by which
    several checks fail, said once (number them from 1)."""

    settings: dict
    results: list[Result]
    accuracies: dict
    seconds: float
    mode: str
    probe_mb: float  # memory of the largest probe, the libraries shared with the others included
    notes: list[str] = field(default_factory=list)
    causes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.notes = [shown(note) for note in self.notes]
        self.name_causes()

    def name_causes(self) -> None:
        """Let results that share a cause refer to it instead of saying it again."""
        counts: dict[str, int] = {}
        for result in self.results:
            counts[result.cause] = counts.get(result.cause, 0) + 1
        self.causes = [cause for cause, count in counts.items() if cause and count > 1]
        for result in self.results:
            if result.cause in self.causes:
                result.lines = [f"because of {self.causes.index(result.cause) + 1}"]

    @property
    def score(self) -> float:
        return sum(result.score for result in self.results)

    @property
    def most(self) -> float:
        return sum(result.most for result in self.results)

    def head(self) -> list[str]:
        """The lines above all checks."""
        lines = [f"{self.settings['title']}; sandbox: {self.mode}", *self.notes]
        numbered = enumerate(self.causes, start=1)
        return lines + [f"{number}. {cause}" for number, cause in numbered]

    def summary(self) -> list[str]:
        """A line for each part, the total, and the three things that would gain most."""
        lines = []
        for part, title in self.settings["parts"].items():
            own = [result for result in self.results if result.entry["part"] == part]
            score, most = sum(r.score for r in own), sum(r.most for r in own)
            if most:
                lines.append(line_of(title, score, most))
        lines.append(line_of("total", self.score, self.most))
        gains = sorted(self.gains().items(), key=lambda item: -item[1])[:3]
        if gains:
            lines += ["", "What would gain most:"]
            for what, points in gains:
                lines.append(f"  {points:g} point{'' if points == 1 else 's'}: {what}")
        return lines

    def gains(self) -> dict[str, float]:
        """What failed, with its points: a shared cause once, else the check."""
        found: dict[str, float] = {}
        for result in self.results:
            lost = result.most - result.score
            if lost:
                if result.cause in self.causes:
                    what = result.cause.splitlines()[0]
                else:
                    what = f"{result.entry['name']}: {result.entry['title']}"
                found[what] = found.get(what, 0.0) + lost
        return found


def line_of(title: str, score: float, most: float) -> str:
    points = f"{score:g}/{most:g}"
    return f"{title:<50}{points:>10}"


# -- Gradescope ---------------------------------------------------------------------------------


def gradescope(report: Report) -> dict:
    """The report as Gradescope's results.json. Terse checks say only pass or fail."""
    tests = []
    for number, result in enumerate(report.results, start=1):
        entry = result.entry
        secret = entry.get("terse", False) and result.status != NOT_RUN
        test = {
            "name": f"{entry['name']}: {entry['title']}",
            "number": str(number),
            "score": result.score,
            "max_score": result.most,
            "output": f"{result.status}." if secret else "\n".join(result.lines),
            "visibility": entry["visibility"],
        }
        if result.status != NOT_RUN:
            test["status"] = result.status
        tests.append(test)
    board = [
        {"name": f"{split} accuracy", "value": round(100 * share, 2), "order": "desc"}
        for split, share in report.accuracies.items()
        if share is not None
    ]
    return {
        "output": "\n".join([*report.head(), "", *public_summary(report)]),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "tests": tests,
        "leaderboard": board,
        "execution_time": round(report.seconds),
        "stdout_visibility": "hidden",
    }


def public_summary(report: Report) -> list[str]:
    """The summary, where students may see every check; else nothing, since it would give away what
    hidden checks say."""
    hidden = any(result.entry["visibility"] != "visible" for result in report.results)
    return [] if hidden else report.summary()


def unfinished(settings: dict) -> dict:
    """The results.json that stands until the real one replaces it."""
    return {
        "score": 0,
        "output": f"{settings['title']}: the grader did not finish. Submit again; if this "
                  "comes back, tell your instructor.",
        "output_format": "text",
        "stdout_visibility": "hidden",
    }  # fmt: skip


def write_json(content: dict, path: Path) -> None:
    """Write beside `path`, then move there: never half a file."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(part, path)


# -- the desk -----------------------------------------------------------------------------------


def table(report: Report) -> str:
    """The report for people: a line for each check, details below those that did not pass."""
    lines = [*report.head(), ""]
    for result in report.results:
        entry = result.entry
        points = f"{result.score:g}/{result.most:g}"
        lines.append(f"{entry['name']:<14}{points:>9}  {result.status:<8}{entry['title']}")
        if result.status != PASSED:
            lines += [INDENT + line for text in result.lines for line in text.split("\n")]
    lines += ["", *report.summary()]
    for split, share in report.accuracies.items():
        if share is not None:
            lines.append(f"{split} accuracy {share:.1%}")
    return "\n".join(lines)
