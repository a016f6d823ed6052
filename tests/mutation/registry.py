"""The registry of mutations: what is in its files, and whether it still fits the tree.

An entry, in one of registry/*.toml (README.md says what each key means):

    [[mutation]]
    name = "intake-norm"
    file = "src/verifier/intake.cpp"
    find = 'if (!training::norm_within('
    replace = 'if (false && !training::norm_within('
    attack = "A contribution of any size moves the weights as far as the worker likes."
    tests = ["verifier_test:Intake.RefusalsComeInTheStatedOrderAndChangeNothing"]

A mutation of several places has [[mutation.edit]] tables of file, find and replace instead. One
that no test can see, because another check stands behind it, has `kept` (why the check stays)
instead of `tests`.
"""

import dataclasses
import pathlib
import re
import tomllib

KEYS = {"name", "attack"}
EDIT_KEYS = {"file", "find", "replace"}
TEST_CASE = re.compile(r"^\s*TEST(?:_[FP])?\(\s*(\w+),\s*(\w+)\s*\)", re.MULTILINE)
CLI_CASE = re.compile(r"^(?:class (\w+)\(|    def (test_\w+)\()", re.MULTILINE)
CLI_FOLDER = "tests/end_to_end"
CLI_PROGRAMS = {"ginn", "ginn-verifier"}
TEST_TARGET = re.compile(r"ginn_test\(\s*(\w+)\s+SOURCES([^)]*?)\s(?:DEPS|LABELS)\b", re.DOTALL)


def is_script(target):
    return target.endswith(".py")


@dataclasses.dataclass(frozen=True)
class Edit:
    file: str
    find: str
    replace: str


@dataclasses.dataclass(frozen=True)
class Mutation:
    name: str
    area: str  # its registry file
    attack: str
    edits: tuple
    tests: tuple  # "target:Suite.Name" or "script.py:Class.test_name"
    kept: str  # or why no test sees it

    def targets(self):
        names = {test.partition(":")[0] for test in self.tests}
        return {name for name in names if not is_script(name)} | (
            CLI_PROGRAMS if any(map(is_script, names)) else set())


class BadRegistry(Exception):
    pass


def parse(text, area):
    """The mutations of one file's text."""
    found = []
    document = tomllib.loads(text)
    if set(document) != {"mutation"}:
        raise BadRegistry(f"{area}: expected [[mutation]] tables and nothing else")
    for entry in document["mutation"]:
        name = entry.get("name", "an entry without a name")
        edits = entry.get("edit", [{key: entry.get(key) for key in EDIT_KEYS}])
        known = KEYS | EDIT_KEYS | {"edit", "tests", "kept"}
        if set(entry) - known or not KEYS <= set(entry) or ("tests" in entry) == ("kept" in entry):
            raise BadRegistry(f"{area}: {name}: expected name, attack, the edit, and tests or kept")
        if "edit" in entry and EDIT_KEYS & set(entry):
            raise BadRegistry(f"{area}: {name}: one edit, or [[mutation.edit]] tables; not both")
        for edit in edits:
            if set(edit) != EDIT_KEYS or not all(isinstance(v, str) for v in edit.values()):
                raise BadRegistry(f"{area}: {name}: an edit has file, find and replace")
        found.append(Mutation(name, area, entry["attack"], tuple(Edit(**edit) for edit in edits),
                              tuple(entry.get("tests", ())), entry.get("kept", "")))
    return found


def load(root):
    found = []
    for path in sorted((root / "tests/mutation/registry").glob("*.toml")):
        found += parse(path.read_text(encoding="ascii"), path.stem)
    return found


def cli_cases(root):
    """{"script.py:Class.test_name"} of the command-line tests."""
    found = set()
    for script in sorted((root / CLI_FOLDER).glob("cli_*_test.py")):
        current = ""
        for name, case in CLI_CASE.findall(script.read_text()):
            current = name or current
            if case:
                found.add(f"{script.name}:{current}.{case}")
    return found


def test_cases(root):
    """{"target:Suite.Name"} of every ginn_test in the tree, and the command-line tests'."""
    found = cli_cases(root)
    for folder in ("src", "tests", "fuzz"):
        for cmake in sorted((root / folder).rglob("CMakeLists.txt")):
            for target, sources in TEST_TARGET.findall(cmake.read_text()):
                for source in sources.split():
                    path = cmake.parent / source
                    text = path.read_text() if path.exists() else ""
                    found |= {f"{target}:{suite}.{case}" for suite, case in TEST_CASE.findall(text)}
    return found


def edit_fault(edit, read):
    """Why an edit cannot be made, or None. `read` gives a file's text, or None."""
    text = read(edit.file)
    if text is None:
        return f"{edit.file} is not there"
    count = text.count(edit.find) if edit.find else 0
    if count != 1:
        return f"{edit.file}: the text is there {count} times, expected once: {edit.find!r}"
    return None if edit.find != edit.replace else f"{edit.file}: the edit changes nothing"


def read_in(root):
    def read(name):
        path = root / name
        return path.read_text() if path.is_file() else None
    return read


def faults(mutations, read, cases):
    """What is wrong with the registry, a sentence each."""
    found = []
    names = [mutation.name for mutation in mutations]
    for name in sorted({name for name in names if names.count(name) > 1}):
        found.append(f"{name}: two entries have this name")
    for mutation in mutations:
        if not mutation.attack.endswith("."):
            found.append(f"{mutation.name}: the attack is a sentence")
        if not mutation.kept and not mutation.tests:
            found.append(f"{mutation.name}: names no test")
        for edit in mutation.edits:
            fault = edit_fault(edit, read)
            if fault:
                found.append(f"{mutation.name}: {fault}")
        for test in mutation.tests:
            if test not in cases:
                found.append(f"{mutation.name}: there is no test {test}")
    return found


def repository():
    return pathlib.Path(__file__).resolve().parents[2]
