#!/usr/bin/env python3
"""Checks the registry of mutations against the tree, without building anything: every text that an
entry replaces is there exactly once, and every test that it names exists.

Usage: registry_test.py ROOT
"""

import pathlib
import sys

import registry

LEAST = 60  # entries; fewer means that they were not found

GOOD = """[[mutation]]
name = "a"
file = "x.cpp"
find = 'if (bad)'
replace = 'if (false && bad)'
attack = "It opens."
tests = ["x_test:Suite.Case"]
"""


def canary_faults():
    """The test can fail: on a small made-up tree."""
    texts = {"x.cpp": "if (bad) return;\n", "y.cpp": "if (bad) {}\nif (bad) {}\n"}
    cases = {"x_test:Suite.Case"}
    wrong = []

    def count(text):
        return len(registry.faults(registry.parse(text, "canary"), texts.get, cases))

    if count(GOOD) != 0:
        wrong.append("canary: a good entry has a fault")
    planted = [GOOD.replace("if (bad)'\nr", "if (worse)'\nr"), GOOD.replace("x.cpp", "y.cpp"),
               GOOD.replace("x.cpp", "z.cpp"), GOOD.replace("Suite.Case", "Suite.Other"),
               GOOD.replace("It opens.", "It opens"), GOOD + GOOD,
               GOOD.replace("if (false && bad)", "if (bad)"),
               GOOD.replace('["x_test:Suite.Case"]', "[]")]
    for text in planted:
        if count(text) != 1:
            wrong.append(f"canary: passes or has more than one fault: {text}")
    for text in [GOOD.replace("tests", "test"), GOOD + 'kept = "why"\n', GOOD.replace("file", "f"),
                 'version = 1\n' + GOOD]:
        try:
            registry.parse(text, "canary")
            wrong.append(f"canary: parses: {text}")
        except registry.BadRegistry:
            pass
    return wrong


def main():
    root = pathlib.Path(sys.argv[1])
    mutations = registry.load(root)
    found = canary_faults()
    found += registry.faults(mutations, registry.read_in(root), registry.test_cases(root))
    if len(mutations) < LEAST:
        found.append(f"{len(mutations)} mutations; expected at least {LEAST}")
    print(f"{len(mutations)} mutations, {sum(1 for m in mutations if m.kept)} of checks that stay "
          "though another one stands behind them")
    for fault in found:
        print(fault, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
