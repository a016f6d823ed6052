#!/usr/bin/env python3
"""Reads every #include of src/ and fails on one that the dependency table does not allow.

Usage: include_test.py ROOT. Prints the line count of the trusted folders, without their tests, and
fails when docs/architecture.md states one that is more than 5 % off.
"""

import pathlib
import re
import sys
import tempfile

ANYTHING = "anything"

# Folder: (trusted, what it may include besides itself). What those may include is allowed too. The
# longest matching name counts, so device/cpu is device and device/cuda is its own.
FOLDERS = {
    "base": (True, []),
    "arithmetic": (True, ["base"]),
    "crypto": (True, ["base"]),
    "device": (True, ["arithmetic"]),
    "nn": (True, ["device", "arithmetic"]),
    "data": (True, ["crypto", "arithmetic"]),
    "guarantee": (True, ["base"]),
    "job": (True, ["crypto", "nn", "data", "guarantee"]),
    "model_file": (True, ["base", "crypto"]),
    "training": (True, ["job", "model_file"]),
    "protocol": (True, ["crypto"]),
    "attest": (True, ["crypto"]),
    "attest/produce": (True, ["attest"]),
    "certificate/issue": (True, ["crypto", "guarantee"]),
    "verifier": (True, ["training", "protocol", "certificate/issue", "attest/produce"]),
    "device/cuda": (False, ["device"]),
    "device/no_cuda": (False, ["device"]),
    "worker": (False, ["training", "protocol", "certificate/issue"]),
    "attest/verify": (False, ["attest"]),
    "policy": (False, ["attest/verify", "guarantee"]),
    "certificate/check": (
        False, ["attest/verify", "certificate/issue", "job", "protocol", "policy"]),
    "audit": (False, ["certificate/check", "training", "worker"]),
    "publish": (False, ["certificate/check"]),
    "import": (False, ["job", "policy"]),
    "export": (False, ["certificate/check", "training"]),
    "attack": (False, ANYTHING),
    "cli": (False, ANYTHING),
}
ATTACK_INCLUDED_BY = {"attack", "cli"}

# Library header: the only files that may include it (a folder ends with '/').
LIBRARIES = {
    "nlohmann/": ["crypto/json.cpp", "cli/"],
    "openssl/": ["crypto/", "attest/verify/hardware/", "publish/", "cli/grant.cpp"],
    "toml++/": ["import/toml_value.h"],
    "zlib.h": ["import/gzip.cpp"],
    "CLI/": ["cli/"],
    "fmt/": ["cli/", "export/", "attack/"],
    "sys/mman.h": ["cli/", "worker/"],  # trusted folders map no files of the host
    "cuda": ["device/cuda/"],
    "png": ["attack/png.cpp"],
    "jpeglib.h": ["import/"],
    "Python.h": [],
}
SUFFIXES = {".h", ".cpp", ".cu", ".cuh"}
TEST_NAME = re.compile(r"(^|_)test(_files)?$|^test_")  # of a file that belongs to tests
INCLUDE = re.compile(r"^\s*#\s*include\b\s*(.*?)\s*(?://.*)?$")


def closure(folder):
    """Everything `folder` may include, itself included; a cycle in the table is an error."""
    seen, path = set(), []

    def visit(name):
        if name in path:
            raise SystemExit(f"the dependency table has a cycle through {name}: {path}")
        path.append(name)
        seen.add(name)
        for below in FOLDERS[name][1]:
            visit(below)
        path.pop()

    visit(folder)
    return seen


def folder_of(relative):
    """The table's folder of a path below src/, or None."""
    parts = pathlib.PurePosixPath(relative).parts[:-1]
    for length in range(len(parts), 0, -1):
        if "/".join(parts[:length]) in FOLDERS:
            return "/".join(parts[:length])
    return None


def sources(src):
    return sorted(p for p in src.rglob("*") if p.suffix in SUFFIXES and p.is_file())


def test_stems(src):
    """Files that belong to tests: named so, or a source (with its header) of a ginn_test target."""
    stems = {p.with_suffix("") for p in sources(src) if TEST_NAME.search(p.stem)}
    for cmake in src.rglob("CMakeLists.txt"):
        for call in re.findall(r"ginn_test\(([^)]*)\)", cmake.read_text()):
            names = call.split("DEPS")[0].split()[2:]
            stems |= {(cmake.parent / name).with_suffix("") for name in names}
    return stems


def includes(path):
    for number, line in enumerate(path.read_text(errors="replace").split("\n"), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1)


def library_fault(name, relative, is_test):
    for prefix, allowed in LIBRARIES.items():
        if name.startswith(prefix) and not is_test:
            if not any(relative == a or (a.endswith("/") and relative.startswith(a))
                       for a in allowed):
                return f"includes <{name}>, which only {allowed or 'nobody'} may"
    return None


def arrow_fault(name, relative, is_test, src, tests):
    """What is wrong with #include "name" in the file src/relative, or None."""
    target = src / name
    if not target.is_file():
        if is_test and name.startswith("tests/"):
            return None
        return f'includes "{name}", which is no file below src/ (write the full path)'
    to, here = folder_of(name), folder_of(relative)
    if to is None:
        return f'includes "{name}" from a folder that the table does not name'
    if is_test:
        return None
    if target.with_suffix("") in tests:
        return f'includes "{name}", which belongs to tests'
    if to == "attack" and here not in ATTACK_INCLUDED_BY:
        return f'includes "{name}": only {sorted(ATTACK_INCLUDED_BY)} and tests include attack'
    allowed = FOLDERS[here][1]
    if allowed != ANYTHING and to not in closure(here):
        return f'includes "{name}": {here} may include {allowed} and what they include'
    return None


def faults(root):
    """All faults below root/src and root/tests/oracle, each as one line of text."""
    found, src = [], root / "src"
    tests = test_stems(src)
    for path in sources(src):
        relative = path.relative_to(src).as_posix()
        if folder_of(relative) is None:
            found.append(f"src/{relative}: its folder is not in the dependency table")
            continue
        is_test = path.with_suffix("") in tests
        for number, text in includes(path):
            if match := re.fullmatch(r'"([^"]+)"', text):
                fault = arrow_fault(match[1], relative, is_test, src, tests)
            elif match := re.fullmatch(r"<([^>]+)>", text):
                fault = library_fault(match[1], relative, is_test)
                if (src / match[1]).is_file():
                    fault = f'includes <{match[1]}>; write "{match[1]}"'
            else:
                fault = f"has an #include that names no file: {text}"
            if fault:
                found.append(f"src/{relative}:{number}: {fault}")
    for path in sources(root / "tests" / "oracle"):
        for number, text in includes(path):
            if text.startswith('"') and not text.startswith('"tests/oracle/'):
                name = path.relative_to(root).as_posix()
                found.append(f"{name}:{number}: the oracle includes nothing but itself: {text}")
    return found


def table_faults():
    found = []
    for folder, (trusted, allowed) in FOLDERS.items():
        if allowed != ANYTHING and trusted:
            found += [f"trusted {folder} would reach untrusted {below}"
                      for below in closure(folder) if not FOLDERS[below][0]]
        elif trusted:
            found.append(f"trusted {folder} may not include anything it likes")
    return found


def trusted_lines(root):
    src, counts = root / "src", {}
    tests = test_stems(src)
    for path in sources(src):
        folder = folder_of(path.relative_to(src).as_posix())
        if folder and FOLDERS[folder][0] and path.with_suffix("") not in tests:
            counts[folder] = counts.get(folder, 0) + path.read_bytes().count(b"\n")
    return counts


def stated_faults(root, lines):
    page = root / "docs" / "architecture.md"
    stated = re.search(r"([\d,]+) lines of C\+\+ in the trusted folders",
                       page.read_text() if page.is_file() else "")
    if stated and abs(int(stated[1].replace(",", "")) - lines) > lines / 20:
        return [f"docs/architecture.md states {stated[1]} trusted lines, counted {lines}"]
    return []


# Path below a made-up tree: (text, part of the fault expected, or None).
CANARIES = {
    "src/base/result.h": ("#include <string>\n", None),
    "src/crypto/sha256.h": ('#include "base/result.h"\n#include <openssl/evp.h>\n', None),
    "src/base/up.h": ('#include "crypto/sha256.h"\n', "base may include"),
    "src/nn/net.h": ('#  include "crypto/sha256.h"  // why\n', "nn may include"),
    "src/verifier/cheat.h": ('#include "worker/loop.h"\n', "verifier may include"),
    "src/worker/loop.h": ('#include "attack/lie.h"\n', "only ['attack', 'cli'] and tests"),
    "src/attack/lie.h": ('#include "worker/loop.h"\n', None),
    "src/cli/main.cpp": ('#include "attack/lie.h"\n', None),
    "src/job/near.cpp": ('#include "near.h"\n', "full path"),
    "src/job/near.h": ("#include <base/result.h>\n", 'write "base/result.h"'),
    "src/job/near_test.cpp": ('#include "worker/loop.h"\n#include "tests/support/x.h"\n', None),
    "src/data/out.cpp": ('#include "tests/support/x.h"\n', "no file below src/"),
    "src/data/map.cpp": ("#include <sys/mman.h>\n", "<sys/mman.h>"),
    "src/import/fake.h": ("", None),
    "src/import/fake.cpp": ("#include <zlib.h>\n", None),
    "src/import/CMakeLists.txt": ("ginn_test(t SOURCES fake.cpp DEPS x)\n", None),
    "src/import/idx.cpp": ('#include "import/fake.h"\n', "belongs to tests"),
    "src/crypto/macro.h": ("#include HEADER\n", "names no file"),
    "src/surprise/new.h": ("", "not in the dependency table"),
    "docs/architecture.md": ("5,000 lines of C++ in the trusted folders\n", None),
    "tests/oracle/oracle.cpp": ('#include "base/result.h"\n', "nothing but itself"),
}


def canary_faults():
    """Runs the checks on a made-up tree: each planted fault is found, and nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, (text, _) in CANARIES.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        found, wrong = faults(root), []
        for name, (_, expected) in CANARIES.items():
            mine = [f for f in found if f.startswith((name + ":",))]
            if expected is None and mine:
                wrong.append(f"canary {name}: no fault expected, found {mine}")
            elif expected is not None and (len(mine) != 1 or expected not in mine[0]):
                wrong.append(f"canary {name}: expected one fault with {expected!r}, found {mine}")
        if trusted_lines(root).get("import") is not None or trusted_lines(root)["crypto"] != 3:
            wrong.append(f"canary: trusted lines counted as {trusted_lines(root)}")
        if stated_faults(root, 5100) or not stated_faults(root, 6000):
            wrong.append("canary: the stated line count is not compared")
        return wrong


def main():
    root = pathlib.Path(sys.argv[1])
    counts = trusted_lines(root)
    found = canary_faults() + table_faults() + faults(root)
    found += stated_faults(root, sum(counts.values()))
    if len(sources(root / "src")) < 50:
        found.append(f"only {len(sources(root / 'src'))} source files below {root}/src")
    for folder, lines in sorted(counts.items()):
        print(f"{lines:7} {folder}")
    print(f"{sum(counts.values()):7} lines of trusted source, without tests")
    for fault in found:
        print(fault, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
