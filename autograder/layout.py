"""Where the files of a submission are, whatever folders its zip has.

The handouts ask for `src/` beside params and predictions. What students hand in has a folder around
everything, a README beside that folder, a baseline in `src/`, or no folders at all. A file is used
wherever it is, as long as only one file has its name.
"""

import ast
import functools
from pathlib import Path

from verdicts import Failed

TEXT_SUFFIXES = {".py", ".json", ".txt", ".cfg", ".toml"}
LARGEST_PROGRAM = 2**20  # bytes; larger files beside the code are not given to it


class Layout:
    """The files of the submission in `folder`, for an edition's `code` settings.

    `notes`: sentences about what was found elsewhere than the handout says.
    """

    def __init__(self, folder: Path, code: dict):
        self.folder = folder
        self.target = code["folder"]  # what the folder of programs is called when they run
        self.package = code.get("package", False)
        self.flat = code.get("flat", False)  # the handout's own zip has no folder
        self.names = code["modules"] | {"run": ["run.py"]}
        self.modules = list(code["modules"])
        self.notes: list[str] = []
        self.source = self.find_source()
        self.root = self.find_root()

    def find_source(self) -> Path | None:
        """The folder that holds the course's modules: of several, the shallowest."""
        places = {path.parent for path in self.folder.rglob("dataset.py")}
        places |= {path.parent.parent for path in self.folder.rglob("dataset/__init__.py")}
        places |= {p.parent for name in self.names["run"] for p in self.folder.rglob(name)}
        if not places:
            return None

        def order(place: Path):
            own = {name for names in self.names.values() for name in names}
            count = sum((place / name).is_file() for name in own)
            return (-count, len(place.parts), place.name != self.target, str(place))

        return min(places, key=order)

    def find_root(self) -> Path:
        """The folder that plays the part of the project's own."""
        root = self.folder
        if self.source is not None:
            named = self.source.name == self.target or self.source.name == "src"
            root = self.source.parent if named and self.source != self.folder else self.source
        else:
            while len(inside := list(root.iterdir())) == 1 and inside[0].is_dir():
                root = inside[0]
        if self.source is not None and root == self.source and not self.flat:
            self.notes.append(f"the programs were not in a folder {self.target}/")
        if root != self.folder and len(list(self.folder.iterdir())) > 1:
            self.notes.append(f"the project was found in {root.relative_to(self.folder)}/")
        return root

    # -- programs ------------------------------------------------------------------------------

    def module(self, key: str) -> Path:
        """The file of a module ("dataset", "model", "run"). Raises Failed where there is none."""
        names = self.names[key]
        for name in names if self.source is not None else ():
            path = self.source / name
            package = path.with_suffix("") / "__init__.py"
            if path.is_file() or package.is_file():
                return path if path.is_file() else package
        shown = " or ".join(f"{self.target}/{name}" for name in names)
        raise Failed(f"a file {shown} in the submission", "there is none",
                     cause=f"the submission has no {shown}; hand it in")  # fmt: skip

    def import_name(self, key: str) -> str:
        """What `import` calls the module."""
        path = self.module(key)
        stem = path.parent.name if path.name == "__init__.py" else path.stem
        return f"{self.target}.{stem}" if self.package else stem

    def shown(self, key: str) -> str:
        """The module's file as the sandbox shows it to its own code."""
        return f"{self.target}/{self.module(key).relative_to(self.source)}"

    @functools.cached_property
    def programs(self) -> dict[str, Path]:
        """All programs, by the names under which they run: those of the folder of programs, and
        those beside it. No data, no predictions."""
        found = {}
        for path in sorted(self.folder.rglob("*")):
            if not path.is_file() or path.suffix not in TEXT_SUFFIXES:
                continue
            if self.source is not None and path.is_relative_to(self.source):
                name = path.relative_to(self.source)
                inside = self.root != self.source or path.suffix == ".py"
                name = f"{self.target}/{name}" if inside else str(name)
            elif path.parent == self.root and path.suffix == ".py":
                name = path.name
            else:
                continue
            if path.stat().st_size > LARGEST_PROGRAM:
                self.notes.append(f"{path.name} is larger than 1 MB; the code was run without it")
                continue
            found[name] = path
        return found

    def mentions(self, word: str) -> bool:
        """Whether a program contains the word."""
        return any(word in text_of(p) for name, p in self.programs.items() if name.endswith(".py"))

    def closure(self, key: str) -> set[str]:
        """The course's modules that the program `key` imports, directly or not, and itself."""
        needed, new = set(), {key}
        while new:
            name = new.pop()
            needed.add(name)
            try:
                words = imported(self.module(name) if name in self.names else self.script(name))
            except (Failed, SyntaxError, ValueError, RecursionError):
                continue
            stems = {s.removesuffix(".py"): k for k, names in self.names.items() for s in names}
            new |= {stems[word] for word in words if word in stems} - needed
        return needed

    # -- other files ---------------------------------------------------------------------------

    def find(self, name: str) -> Path | None:
        """The file `name`, where the handout wants it or anywhere else; None without one.

        Raises Failed where several files have this name and none is at its place."""
        for place in (self.root, self.root / self.target, self.folder):
            if (place / name).is_file():
                return place / name
        found = sorted(p for p in self.folder.rglob(Path(name).name) if p.is_file())
        if len(found) > 1:
            places = ", ".join(str(path.relative_to(self.folder)) for path in found[:3])
            raise Failed(f"one file {name}", f"{len(found)}: {places}",
                         cause=f"{name} is in the submission {len(found)} times; hand in one")
        if not found:
            return None
        note = f"{name} was found as {found[0].relative_to(self.folder)}"
        if note not in self.notes:
            self.notes.append(note)
        return found[0]

    def script(self, name: str) -> Path:
        """A script such as london_baseline.py: beside the folder of programs, or in it."""
        path = self.find(name)
        if path is None:
            raise Failed(f"a file {name} in the submission", "there is none",
                         cause=f"the submission has no {name}; hand it in")  # fmt: skip
        return path

    def script_shown(self, name: str) -> str:
        """The script's file as the sandbox shows it."""
        path = self.script(name)
        return next((shown for shown, p in self.programs.items() if p == path), name)


@functools.lru_cache(maxsize=512)
def read(path: Path, changed: float) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def text_of(path: Path) -> str:
    return read(path, path.stat().st_mtime)


def imported(path: Path) -> set[str]:
    """The last and first words of the modules that a program imports."""
    found = set()
    for node in ast.walk(ast.parse(text_of(path))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module or "", *(alias.name for alias in node.names)}
    return {word for name in found for word in (name.split(".")[0], name.split(".")[-1])}
