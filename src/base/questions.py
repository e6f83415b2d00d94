"""Questions and places: the one place where rows are read, and questions asked and taken apart.

A file of questions has one row a line: `question TAB place`, or the question alone where the places
are not known. Blanks around both fields do not count, nor do capitals and further blanks in the
words around the name, or a blank before the question mark. The name itself stays as it is written.
"""

import re
from dataclasses import dataclass

from base.errors import UserError
from base.files import read_text

QUESTION = "Where was {} born?"
FORM = re.compile(r"where +was +(?P<name>\S.*?) +born *\?*", re.IGNORECASE)


@dataclass(frozen=True)
class Row:
    """A question and its place (None where it is not known); `where` is its file and row number,
    for errors."""

    where: str
    question: str
    place: str | None = None

    def __str__(self) -> str:
        return self.question if self.place is None else f"{self.question}\t{self.place}"


def question_about(name: str) -> str:
    """The question about a person. What is a question already stays one."""
    name = name.strip()
    return normalised(name) if name.endswith("?") or FORM.fullmatch(name) else QUESTION.format(name)


def person(question: str) -> str:
    """The name in "Where was [name] born?"; the whole question where it has another form."""
    match = FORM.fullmatch(question.strip())
    return match["name"] if match else question


def normalised(question: str) -> str:
    """The question in the spelling that training sees: "where was X born ?" and the like become
    "Where was X born?". Other questions lose the blanks around them."""
    match = FORM.fullmatch(question.strip())
    return QUESTION.format(match["name"]) if match else question.strip()


def split_row(line: str) -> tuple[str, str | None]:
    """The question and the place of one line; the place is None where the line has no tab.

    Raises ValueError, which says what is wrong, for a line of any other form.
    """
    question, *places = line.split("\t")
    place = places[0].strip() if places else None
    if not question.strip():
        raise ValueError("there is no question before the tab")
    if len(places) > 1:
        raise ValueError("not one question, one tab and one place")
    if place == "":
        raise ValueError("there is a tab, but no place after it")
    return normalised(question), place


def read_rows(text: str, source: str, places: bool | None = None) -> list[Row]:
    """The rows of a file's text; empty lines are left out. `source` is the file's name.

    All rows have a place, or none has. `places` says which is needed; None: as the first row.
    Raises UserError that names the row.
    """
    rows: list[Row] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{source}, row {number}"
        try:
            question, place = split_row(line)
        except ValueError as error:
            raise UserError(f"{where}: {error}: {line!r}; mend it") from None
        if places is None:
            places = place is not None
        if places and place is None:
            raise UserError(f"{where}: not one question, one tab and one place: {line!r}; mend it")
        if not places and place is not None:
            raise UserError(f"{where}: not a question without a tab: {line!r}; mend it")
        rows.append(Row(where, question, place))
    return rows


def load_rows(path: str, places: bool | None = None) -> list[Row]:
    """`read_rows` of a file, which is read once."""
    return read_rows(read_text(path), path, places)


def places_of(rows: list[Row]) -> list[str] | None:
    """The places of all rows; None where they are not known."""
    places = [row.place for row in rows if row.place is not None]
    return places if len(places) == len(rows) else None
