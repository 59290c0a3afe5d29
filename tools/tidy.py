#!/usr/bin/env python3
"""The house rules that no compiler checks: tools/tidy.py [ROOT].

A rule is a generator over one file, listed in RULES; tests/tidy holds a failing example of each.
Prints `path:line: what is wrong; what to do instead` and exits 1 if there is anything to print.
"""

import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

COLUMNS = 100
FUNCTION_LINES = 70
FILE_LINES = 400
CONNECTOR_LINES = 800

NOT_OURS = re.compile(
    r"(\.git|build|demo|LICENSE)(/|$)|(.*/)?(node_modules|__pycache__|\.pytest_cache)/")

HEAVY = re.compile(r"nlohmann/json\.hpp|duckdb\.h|soci/|toml\+\+/|CLI/|libpq-fe\.h|arrow-adbc/")
DRAWER = re.compile(r"util|helper|common|misc|manager", re.I)
HOST = re.compile(
    r"\b(pypi|pythonhosted|npmjs|maven(\.apache)?|crates|debian|golang)\.(org|com|io)\b")
MACHINE_PATH = re.compile(r"(?<![\w.~$}-])/(root|work)/")

# What is banned, the path or comment that allows it all the same, and what to do instead.
BANNED = [
    (r"system_clock::now", r"src/base/env\.cpp", "ask Env for the time"),
    (r"\bstd::thread\b(?!::)", None, "use std::jthread, which joins and can be stopped"),
    (r"\bshared_ptr<", r"// shared:", "own it once, or say why here or above, `// shared: …`"),
    (r"\bgetenv\(", r"src/base/", "call environment_variable of base"),
    (r"\brand\(|\brandom_device\b", r"src/base/env\.cpp", "ask Env for randomness"),
    (r"\bsleep_for\(|\busleep\(", r"src/base/env\.cpp", "wait on a condition with a stop_token"),
]


@dataclass
class File:
    path: str  # relative to the root, with forward slashes
    text: str
    lines: list = field(init=False)

    def __post_init__(self):
        self.lines = self.text.splitlines()
        self.parts = self.path.split("/")
        self.suffix = Path(self.path).suffix
        self.is_cpp = self.suffix in (".cpp", ".h")
        self.is_test = self.path.startswith("tests/") or self.path.endswith("_test.cpp")
        self.folder = self.parts[1] if self.parts[0] == "src" and len(self.parts) > 2 else None

    def includes(self):
        for number, line in enumerate(self.lines, 1):
            if found := re.match(r'#include ([<"])([^>"]+)', line):
                yield number, found[1], found[2]


class Tree:
    """All files of a checkout, and the rows of its layers.txt."""

    def __init__(self, root):
        self.root = Path(root)
        self.files = {}
        for path in sorted(self.root.rglob("*")):
            name = path.relative_to(self.root).as_posix()
            if path.is_file() and not NOT_OURS.match(name):
                try:
                    self.files[name] = File(name, path.read_text())
                except UnicodeDecodeError:
                    pass  # binary test data
        self.includers = {}  # path of a header in src -> the paths that include it
        for file in self.files.values():
            for _, _, name in file.includes():
                self.includers.setdefault(f"src/{name}", []).append(file.path)
        self.layers = {}
        if "src/layers.txt" in self.files:
            for row in self.files["src/layers.txt"].lines:
                name, _, below = row.partition(":")
                self.layers[name.strip()] = below.split()


def layers(file, tree):
    """A folder includes only what its row in layers.txt names; a kind never includes a sibling."""
    if file.path == "src/layers.txt":
        above = set()
        for number, (name, below) in enumerate(tree.layers.items(), 1):
            for stranger in set(below) - above:
                yield number, f"{name} names {stranger}, which has no row above it"
            above.add(name)
    if not file.is_cpp or not file.folder:
        return
    if file.folder not in tree.layers:
        yield 1, f"src/{file.folder} has no row in src/layers.txt"
        return
    allowed = {file.folder, *tree.layers[file.folder]}
    for number, mark, name in file.includes():
        if mark != '"':
            continue
        if f"src/{name}" not in tree.files and not (file.is_test and f"tests/{name}" in tree.files):
            yield number, f'"{name}" is no file of src; includes are rooted at src/'
        elif f"src/{name}" in tree.files and name.split("/")[0] not in allowed:
            yield number, f"{file.folder} may not include {name}; see its row in src/layers.txt"
        theirs, ours = name.split("/")[:-1], file.parts[1:-1]
        is_kind = f"src/{'/'.join(theirs)}/kind.cpp" in tree.files
        if is_kind and len(ours) == 2 and theirs[1:] != ours[1:]:
            yield number, f"{ours[1]} may not include its sibling {theirs[1]}; share what both need"


def heavy_headers(file, tree):
    """Third-party clients stay in .cpp files, or in a header for its own folder's .cpp files."""
    if file.suffix != ".h" or file.is_test:
        return
    if all(name.endswith(".cpp") and name.rpartition("/")[0] == file.path.rpartition("/")[0]
           for name in tree.includers.get(file.path, [])):
        return
    for number, _, name in file.includes():
        if HEAVY.match(name):
            yield number, f"{name} in a header that others include; forward-declare it"


def pragma_once(file, _tree):
    if file.suffix == ".h" and not re.match(r"(//[^\n]*\n|\n)*#pragma once\n", file.text):
        yield 1, "a header starts with #pragma once"


def banned_words(file, _tree):
    if not file.is_cpp or file.is_test:
        return
    above = ""
    for number, line in enumerate(file.lines, 1):
        for word, allowed, instead in BANNED:
            found = re.search(word, line.split("//")[0])
            if found and not (allowed and re.search(allowed, f"{file.path}\n{above}\n{line}")):
                yield number, f"`{found[0]}` is banned; {instead}"
        above = line


def columns(file, _tree):
    if file.is_cpp or file.suffix in (".py", ".cmake", ".sh") or file.path == "CMakeLists.txt":
        for number, line in enumerate(file.lines, 1):
            if len(line) > COLUMNS:
                yield number, f"{len(line)} columns, at most {COLUMNS}"


def blank(found):
    """As many lines as were there, and nothing on them."""
    return "\n" * found[0].count("\n")


def function_length(file, _tree):
    """Relies on clang-format: a block ends with a lone brace in the column where it began."""
    if not file.is_cpp:
        return
    text = re.sub(r'R"(\w*)\(.*?\)\1"', blank, file.text, flags=re.S)
    begins = {}  # indentation -> the last line that began a statement there
    for number, line in enumerate(text.splitlines(), 1):
        indent = len(line) - len(line.lstrip())
        if line.strip() == "}":
            begin = begins.get(indent, number)
            if number - begin + 1 > FUNCTION_LINES:
                yield begin, f"{number - begin + 1} lines in one function, at most {FUNCTION_LINES}"
        elif line.strip() and not line.lstrip().startswith(("}", "#", "//", ")")):
            begins[indent] = number


def file_length(file, tree):
    if (file.is_cpp or file.suffix == ".py") and len(file.lines) > FILE_LINES:
        yield 1, f"{len(file.lines)} lines, at most {FILE_LINES}; split it by what changes together"
    # A connector is counted once, at its kind.cpp.
    if file.folder == "warehouse" and file.parts[3:] == ["kind.cpp"]:
        folder = "/".join(file.parts[:3]) + "/"
        lines = sum(len(other.lines) for other in tree.files.values()
                    if other.path.startswith(folder) and other.is_cpp and not other.is_test)
        if lines > CONNECTOR_LINES:
            yield 1, f"{lines} lines in this connector, at most {CONNECTOR_LINES}"


def names(file, _tree):
    if file.parts[0] in ("src", "tests", "tools", "bench"):
        for part in file.parts:
            if DRAWER.search(part):
                yield 1, f"`{part}` is a drawer, not a concept; name what is in it"


def tests_are_built(file, tree):
    if not file.path.endswith("_test.cpp"):
        return
    if file.folder not in tree.layers:
        yield 1, "only tests in a folder of src are built; move it beside what it tests"
    commands = tree.root / "build/lint/compile_commands.json"
    if commands.exists():
        built = {entry["file"] for entry in json.loads(commands.read_text())}
        if str((tree.root / file.path).resolve()) not in built:
            yield 1, "is not built: no compile command names it"


def links(file, tree):
    """Relative links in documents lead somewhere."""
    if file.suffix != ".md":
        return
    text = re.sub(r"```.*?```|`[^`\n]*`", blank, file.text, flags=re.S)
    for found in re.finditer(r"\]\(([^)\s]+)\)", text):
        target = found[1].split("#")[0]
        if not target or re.match(r"\w+:", target):
            continue
        if not (tree.root / file.path).parent.joinpath(target).exists():
            yield text.count("\n", 0, found.start()) + 1, f"broken link to {target}"


def dependencies_are_explained(file, tree):
    """What setup installs has its line in docs/dependencies.md, in backticks."""
    page = tree.files.get("docs/dependencies.md")
    explained = set(re.findall(r"`([^`]+)`", page.text)) if page else set()
    if file.path == "tools/pins.tsv":
        for number, line in enumerate(file.lines, 1):
            fields = line.split("\t")
            if line.startswith("#") or len(fields) < 3:
                continue
            # A Maven coordinate names its group; the rest, the package.
            from_maven = fields[2].startswith("maven:")
            package = fields[0] if from_maven or ":" not in fields[2] else fields[2].split(":")[1]
            package = package.split("[")[0]
            if package not in explained:
                yield number, f"`{package}` has no line in docs/dependencies.md that says why"
    if file.path == "tools/setup":
        for group in re.finditer(r"^  \[\w+\]=\"([^\"]+)\"", file.text, re.M):
            for package in group[1].split():
                if package not in explained:
                    number = file.text.count("\n", 0, file.text.index(package, group.start())) + 1
                    yield number, f"`{package}` has no line in docs/dependencies.md that says why"


def layers_are_drawn(file, tree):
    """The picture of the folders in docs/architecture.md is the one that is checked."""
    if file.path == "docs/architecture.md" and "src/layers.txt" in tree.files:
        if tree.files["src/layers.txt"].text not in file.text:
            yield 1, "does not hold src/layers.txt as it is; copy it again"


def no_hosts_or_machine_paths(file, _tree):
    for number, line in enumerate(file.lines, 1):
        if found := HOST.search(line):
            yield number, f"names the registry {found[0]}; name the package and its client instead"
        if MACHINE_PATH.search(line):
            yield number, "names a path of one machine; make it relative or configurable"


RULES = [layers, heavy_headers, pragma_once, banned_words, columns, function_length, file_length,
         names, tests_are_built, links, dependencies_are_explained, layers_are_drawn,
         no_hosts_or_machine_paths]


def problems(root):
    tree = Tree(root)
    for file in tree.files.values():
        for rule in RULES:
            for number, text in rule(file, tree):
                yield f"{file.path}:{number}: {text}"


def main():
    found = list(problems(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[1]))
    print("\n".join(found) or "tidy: clean")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
