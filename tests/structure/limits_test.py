#!/usr/bin/env python3
"""Holds docs/limits.md against the sources: each limit that the page names has the value that it
says, and each limit of the folders that read hostile bytes is on the page.

Usage: limits_test.py ROOT
"""

import pathlib
import re
import sys

FOLDERS = ["protocol", "verifier", "certificate", "crypto", "job", "model_file"]
LIMIT = re.compile(r"constexpr [\w:]+ (k(?:Max|Most)[A-Z]\w*|k\w*Max)\s*=\s*([^;,]+)[;,]")
# | what | value | `constant` in `file` | what happens |
ROW = re.compile(r"^\| [^|]+ \| ([\d,]+)[^|]*\| `(k\w+)` in `([^`]+)` \|", re.MULTILINE)
# Not limits on what is read: a type's range, a code's own arithmetic.
NO_LIMIT = {
    "kMax": "the largest int64_t", "kMaxExactInteger": "2^53",
    "kMaxDetailBytes": "of a message", "kMaxPayloadBytes": "follows from kMaxStatementBytes",
}


def value(text):
    """Of a C++ constant expression of integers and shifts."""
    text = re.sub(r"(?:size_t|uint64_t|uint32_t)\{(\w+)\}", r"\1", text.replace("'", ""))
    if not re.fullmatch(r"[\d\s<*()+-]+", text):
        return None
    return eval(text)  # digits, shifts, products  # pylint: disable=eval-used


def constants(path):
    return {name: value(text.strip()) for name, text in LIMIT.findall(path.read_text())}


def faults(root):
    page = (root / "docs/limits.md").read_text()
    rows = {(file, name): int(number.replace(",", ""))
            for number, name, file in ROW.findall(page)}
    for (file, name), stated in rows.items():
        path = root / "src" / file
        found = constants(path).get(name) if path.exists() else None
        if found != stated:
            yield f"{name} in {file}: the page says {stated}, the source {found}"
    for folder in FOLDERS:
        for path in sorted((root / "src" / folder).rglob("*.[hc]*")):
            file = str(path.relative_to(root / "src"))
            if path.name.endswith("_test.cpp") or path.suffix not in {".h", ".cpp"}:
                continue
            for name in constants(path):
                if name not in NO_LIMIT and (file, name) not in rows:
                    yield f"{name} in {file} is not on the page"


def main():
    root = pathlib.Path(sys.argv[1])
    # The test must see what it is there for.
    sample = "constexpr uint64_t kMaxThing = uint64_t{3} << 4;\n"
    assert [(n, value(t)) for n, t in LIMIT.findall(sample)] == [("kMaxThing", 48)]
    found = list(faults(root))
    print("\n".join(found) if found else "docs/limits.md is true")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
