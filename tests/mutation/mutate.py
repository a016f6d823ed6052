#!/usr/bin/env python3
"""Takes the checks of the trusted side away, one at a time, and expects the tests that the registry
names to fail. Works on a copy of the tree in build/mutation; the tree itself is only read.

Usage: mutate.py [--list] [--only NAME]... [--jobs N]
"""

import argparse
import collections
import fnmatch
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

import registry

NOT_COPIED = {".git", "build", "__pycache__"}
# GoogleTest's and unittest's words
PASSED = re.compile(r"^(\[  PASSED  \] [1-9]\d* test|Ran [1-9]\d* test)", re.MULTILINE)
SKIPPED = re.compile(r"^(\[  SKIPPED \]|OK \(skipped)", re.MULTILINE)
LEAST_LIMIT_SECONDS = 30  # of one mutated test: a hang is a failure, too
Outcome = collections.namedtuple("Outcome", "verdict seconds detail")


class Tree:
    """The copy that is mutated, and its build."""

    def __init__(self, root, jobs):
        self.root = root / "build/mutation/tree"
        self.build = self.root / "build/dev"
        self.jobs = jobs
        self.environment = os.environ | {"CCACHE_BASEDIR": str(self.root)}
        self.copy(root)

    def copy(self, source):
        """Makes the copy equal; files that are equal already keep their times."""
        wanted = set()
        for folder, folders, files in os.walk(source):
            folders[:] = [name for name in folders if name not in NOT_COPIED]
            for name in files:
                path = pathlib.Path(folder) / name
                copy = self.root / path.relative_to(source)
                wanted.add(copy)
                if not copy.exists() or copy.read_bytes() != path.read_bytes():
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(path, copy)
        for folder, folders, files in os.walk(self.root):
            folders[:] = [name for name in folders if name not in NOT_COPIED]
            for path in {pathlib.Path(folder) / name for name in files} - wanted:
                path.unlink()

    def configure(self):
        command = ["cmake", "--preset", "dev"]
        if shutil.which("ccache"):
            command.append("-DCMAKE_CXX_COMPILER_LAUNCHER=ccache")
        subprocess.run(command, cwd=self.root, env=self.environment, check=True,
                       stdout=subprocess.DEVNULL)

    def make(self, targets):
        """The compiler's words when it fails, or None."""
        command = ["ninja", "-C", str(self.build), "-j", str(self.jobs), *sorted(targets)]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True,
                              check=False)
        return None if done.returncode == 0 else done.stdout[-3000:] + done.stderr

    def command(self, test):
        target, _, name = test.partition(":")
        programs = self.build / "bin"
        if registry.is_script(target):
            script = self.root / registry.CLI_FOLDER / target
            return [sys.executable, "-B", str(script), str(programs), name]
        return [str(programs / target), f"--gtest_filter={name}"]

    def run(self, test, limit=None):
        """Whether the test passed (None: skipped, or not there), and its seconds."""
        begin = time.monotonic()
        try:
            done = subprocess.run(self.command(test), capture_output=True, text=True,
                                  errors="replace", timeout=limit, env=self.environment,
                                  check=False)
        except subprocess.TimeoutExpired:
            return False, time.monotonic() - begin
        passed = done.returncode == 0
        words = done.stdout + done.stderr
        if passed and (SKIPPED.search(words) or not PASSED.search(words)):
            passed = None
        return passed, time.monotonic() - begin

    def apply(self, mutation):
        """Makes the edits; gives what restores the files."""
        before = {}
        for edit in mutation.edits:
            path = self.root / edit.file
            text = path.read_text()
            before.setdefault(path, text)
            path.write_text(text.replace(edit.find, edit.replace))
        return before

    @staticmethod
    def restore(before):
        for path, text in before.items():
            path.write_text(text)


def measure(tree, mutations):
    """The seconds of each test on the tree as it is; they must all pass."""
    targets = set().union(*(mutation.targets() for mutation in mutations))
    print(f"building {len(targets)} test programs as they are", flush=True)
    words = tree.make(targets)
    if words is not None:
        sys.exit(f"the tree does not build:\n{words}")
    seconds = {}
    for test in sorted({test for mutation in mutations for test in mutation.tests}):
        passed, seconds[test] = tree.run(test)
        if not passed:
            why = "is skipped here" if passed is None else "fails"
            sys.exit(f"{test} {why} without a mutation")
    return seconds


def judge(tree, mutation, seconds):
    if any(registry.edit_fault(edit, registry.read_in(tree.root)) for edit in mutation.edits):
        return Outcome("does not match", 0, "")
    begin = time.monotonic()
    before = tree.apply(mutation)
    try:
        words = tree.make(mutation.targets())
        if words is not None:
            return Outcome("does not build", time.monotonic() - begin, words)
        passing = []
        for test in mutation.tests:
            limit = max(LEAST_LIMIT_SECONDS, 20 * seconds[test])
            if tree.run(test, limit)[0] is not False:
                passing.append(test)
        verdict = "survived" if passing else "killed"
        return Outcome(verdict, time.monotonic() - begin, " ".join(passing))
    finally:
        tree.restore(before)


def chosen(mutations, names):
    if not names:
        return mutations
    found = [m for m in mutations
             if any(fnmatch.fnmatch(m.name, name) or m.area == name for name in names)]
    if not found:
        sys.exit(f"no mutation is named {' or '.join(names)}; --list shows them")
    return found


def table(outcomes):
    lines = []
    for mutation, outcome in outcomes:
        where = mutation.edits[0].file
        lines.append(f"{outcome.verdict:14} {mutation.name:34} {outcome.seconds:6.1f} s  {where}")
        if outcome.verdict != "killed" and outcome.detail:
            lines.append(f"               {outcome.detail}")
    counts = collections.Counter(outcome.verdict for _, outcome in outcomes)
    lines.append(", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())))
    return "\n".join(lines)


def listing(mutations):
    return "\n".join(f"{m.area:12} {m.name:34} {m.attack}" for m in mutations)


def main():
    parser = argparse.ArgumentParser(prog="scripts/mutation", description=__doc__.split("\n\n")[0])
    parser.add_argument("--list", action="store_true", help="show the mutations and what they open")
    parser.add_argument("--only", action="append", metavar="NAME",
                        help="this mutation, those that a pattern like intake-* fits, or an area's")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N",
                        help="compilers at a time")
    arguments = parser.parse_args()
    root = registry.repository()
    mutations = chosen(registry.load(root), arguments.only)
    if arguments.list:
        print(listing(mutations))
        return 0
    outcomes = [(m, Outcome("kept", 0, m.kept)) for m in mutations if m.kept]
    mutations = sorted((m for m in mutations if not m.kept), key=lambda m: m.edits[0].file)
    tree = Tree(root, arguments.jobs)
    tree.configure()
    seconds = measure(tree, mutations)
    for number, mutation in enumerate(mutations, 1):
        outcome = judge(tree, mutation, seconds)
        outcomes.append((mutation, outcome))
        print(f"[{number}/{len(mutations)}] {mutation.name}: {outcome.verdict} "
              f"({outcome.seconds:.1f} s)", flush=True)
    print(table(outcomes))
    good = {"killed", "kept"}
    return 0 if all(outcome.verdict in good for _, outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
