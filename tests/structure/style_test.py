#!/usr/bin/env python3
"""Checks the bytes of the source tree: ASCII, 100 columns, no tabs, `#pragma once`, file sizes.

Usage: style_test.py ROOT, or style_test.py --format ROOT to ask clang-format (exit code 77, which
ctest reports as skipped, when the program is missing).
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from include_test import TEST_NAME

FOLDERS = ["src", "tests", "bench", "fuzz", "cmake", "examples", "scripts", "docs"]
CODE = {".h", ".cpp", ".cu", ".cuh"}
NARROW = CODE | {".py", ".cmake"}  # prose and generated vectors may be wider
TEXT = NARROW | {".md", ".toml", ".json", ".txt", ".sh", ""}
COLUMNS = 100
SOURCE_LINES = 400  # of one file of src/, tests not counted
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
LOUD = re.compile(r"#\s*include\s*<iostream>|\bstd::(cout|cerr)\b|\bf?printf\s*\(|\bexit\s*\(")
# Who may print and exit; the rest of src/ returns a Result.
LOUD_FILES = ("src/cli/", "src/verifier/main.cpp", "src/base/check.cpp")
RECORDED = "docs/results/"  # signed byte by byte by programs, which end no line
SKIPPED = 77


def files(root):
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and (
                    path.suffix in TEXT or path.name == "CMakeLists.txt"):
                yield path


def line_faults(name, lines, narrow, code):
    for number, line in enumerate(lines, 1):
        if any(byte > 126 or byte < 32 and byte != 9 for byte in line):
            yield f"{name}:{number}: a byte that is not printable ASCII: {line[:60]!r}"
        if narrow and len(line) > COLUMNS:
            yield f"{name}:{number}: {len(line)} columns, at most {COLUMNS}"
        if (narrow or code) and b"\t" in line:
            yield f"{name}:{number}: a tab"
        if line != line.rstrip():
            yield f"{name}:{number}: blanks at the end"


def faults(root):
    found = []
    for path in files(root):
        name = path.relative_to(root).as_posix()
        data = path.read_bytes()
        if not data or (name.startswith(RECORDED) and path.suffix == ".json"):
            continue
        lines = data.split(b"\n")
        is_test = TEST_NAME.search(path.stem) or not name.startswith("src/")
        code = path.suffix in CODE
        narrow = path.suffix in NARROW or path.name == "CMakeLists.txt"
        found += line_faults(name, lines, narrow, code)
        if lines[-1] != b"":
            found.append(f"{name}: no newline at the end")
        text = data.decode("ascii", "replace")
        if code and not is_test and len(lines) - 1 > SOURCE_LINES:
            found.append(f"{name}: {len(lines) - 1} lines, at most {SOURCE_LINES}; split it")
        if path.suffix in (".h", ".cuh") and not path.name.endswith(".inc.h"):
            if "#pragma once\n" not in text:
                found.append(f"{name}: no #pragma once")
        if path.resolve() != pathlib.Path(__file__).resolve() and UNFINISHED.search(text):
            found.append(f"{name}: {UNFINISHED.search(text)[0]}")
        if code and not is_test and not name.startswith(LOUD_FILES) and LOUD.search(text):
            found.append(f"{name}: a library prints or exits: {LOUD.search(text)[0]}")
    return found


CANARIES = {
    "src/base/good.h": (b"#pragma once\nvoid f();  // snprintf(x)\n", None),
    "src/base/umlaut.h": (b"#pragma once\n// \xc3\xbc\n", "ASCII"),
    "src/base/return.h": (b"#pragma once\n// x\r\n", "ASCII"),
    "src/base/wide.cpp": (b"//" + b"x" * 99 + b"\n", "101 columns"),
    "src/base/full.cpp": (b"//" + b"x" * 98 + b"\n", None),
    "src/base/CMakeLists.txt": (b"#" + b"x" * 100 + b"\n", "101 columns"),
    "src/base/tab.cpp": (b"\tint x;\n", "a tab"),
    "src/base/blank.cpp": (b"int x; \n", "blanks"),
    "src/base/cut.cpp": (b"int x;", "no newline"),
    "src/base/twice.h": (b"int x;\n", "pragma once"),
    "src/base/piece.inc.h": (b"int x;\n", None),
    "src/base/long.cpp": (b"int x;\n" * 401, "401 lines"),
    "src/base/long_test.cpp": (b"int x;\n" * 401, None),
    "src/base/later.cpp": (b"// TO" + b"DO\n", "DO"),
    "src/base/loud.cpp": (b"std::printf(x);\n", "prints or exits"),
    "src/base/exit.cpp": (b"std::exit(1);\n", "prints or exits"),
    "src/cli/loud.cpp": (b"std::printf(x);\n", None),
    "docs/results/run/job.json": (b"{}", None),
    "docs/job.json": (b"{}", "no newline"),
    "docs/page.md": (b"x" * 200 + b"\n", None),
    "scripts/run": (b"echo \xc3\xa9\n", "ASCII"),
}


def canary_faults():
    """Runs the checks on a made-up tree: each planted fault is found, and nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        root, wrong = pathlib.Path(folder), []
        for name, (data, _) in CANARIES.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(data)
        found = faults(root)
        for name, (_, expected) in CANARIES.items():
            mine = [f for f in found if f.startswith(name + ":")]
            if expected is None and mine:
                wrong.append(f"canary {name}: no fault expected, found {mine}")
            elif expected is not None and not any(expected in f for f in mine):
                wrong.append(f"canary {name}: expected {expected!r}, found {mine}")
        return wrong


def check_format(root):
    """Exit code of clang-format over all C++ files; the canary is a badly formatted one."""
    program = shutil.which("clang-format")
    if program is None:
        print("clang-format is not installed")
        return SKIPPED
    command = [program, "--dry-run", "-Werror", f"--style=file:{root}/.clang-format"]
    with tempfile.TemporaryDirectory() as folder:
        bad = pathlib.Path(folder) / "bad.cpp"
        bad.write_text("int  f( ){return 1 ;}\n")
        if subprocess.run(command + [bad], capture_output=True, check=False).returncode == 0:
            print("canary: clang-format accepts a badly formatted file", file=sys.stderr)
            return 1
    paths = [path for path in files(root) if path.suffix in CODE]
    result = subprocess.run(command + paths, capture_output=True, text=True, check=False)
    bad = sorted(set(re.findall(r"^(\S+?):\d+:\d+: error:", result.stderr, re.M)))
    for path in bad:
        print(f"{path}: run clang-format -i on it", file=sys.stderr)
    if result.returncode != 0 and not bad:
        print(result.stderr[:2000], file=sys.stderr)
    return result.returncode


def main():
    if sys.argv[1] == "--format":
        return check_format(pathlib.Path(sys.argv[2]))
    root = pathlib.Path(sys.argv[1])
    checked = sum(1 for _ in files(root))
    found = canary_faults() + faults(root)
    if checked < 50:
        found.append(f"only {checked} files below {root}")
    print(f"{checked} files")
    for fault in found:
        print(fault, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
