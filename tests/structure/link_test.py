#!/usr/bin/env python3
"""Looks into the built ginn-verifier: what it is linked with is the trusted part and OpenSSL.

Usage: link_test.py VERIFIER. Needs nm and readelf (binutils, which every compiler needs).
"""

import re
import subprocess
import sys

# Shared libraries it may need; sanitizer runtimes are there in sanitizer builds.
NEEDED = re.compile(r"^(lib(crypto|stdc\+\+|m|gcc_s|c|asan|ubsan|tsan)|ld-linux[-\w]*)\.so\.\d+$")
FORBIDDEN = {
    "untrusted part": re.compile(
        r"^ginn::(worker|import|exporting|attack|cli|policy|attest::verify\w*"
        r"|certificate::check_(run|certificate|rejection|lives))\b"),
    "test code": re.compile(r"^(testing|ginn::(\w+::)*(testing|test|oracle))::"),
    "toml++": re.compile(r"\btoml::"),
    "CLI11": re.compile(r"\bCLI::"),
    "fmt": re.compile(r"\bfmt::"),
    "zlib": re.compile(r"^(inflate|deflate|crc32_z|adler32)"),
    "libpng or libjpeg": re.compile(r"^(png_|jpeg_|tj[A-Z])"),
    "CUDA": re.compile(r"^_*(cuda[A-Z]|cu[A-Z]|cublas)"),
    "Python": re.compile(r"^_?Py(_|[A-Z])"),
}


def symbol_faults(symbols):
    found = []
    for what, pattern in FORBIDDEN.items():
        hits = [s for s in symbols if pattern.search(s)]
        if hits:
            found.append(f"contains {what}: {hits[:3]}")
    if not any(s.startswith("ginn::verifier::Session::") for s in symbols):
        found.append("has no ginn::verifier::Session: not the verifier, or stripped")
    return found


def needed_faults(libraries):
    found = [f"needs {name}, which the trusted program must not" for name in libraries
             if not NEEDED.match(name)]
    return found if libraries else ["needs no shared library at all: readelf was not understood"]


def canary_faults():
    good = ["ginn::verifier::Session::run()", "ginn::certificate::issue_certificate()", "memcpy"]
    planted = ["ginn::worker::train(int)", "testing::Test::SetUp()", "toml::v3::parse", "CLI::App",
               "fmt::v9::vprint", "inflate", "png_read_info", "cudaMalloc", "PyObject_Call",
               "ginn::certificate::check_run(int)", "ginn::attest::verify_evidence(int)",
               "ginn::attest::verify::check_evidence(int)",
               "ginn::import::resolve_job(int)", "ginn::attack::Attacker::lie()"]
    wrong = [f"canary: {symbol_faults(good)}"] if symbol_faults(good) else []
    for symbol in planted:
        if len(symbol_faults(good + [symbol])) != 1:
            wrong.append(f"canary: {symbol} is not found out")
    if not symbol_faults(["main"]):
        wrong.append("canary: a stripped program passes")
    for name in ["libz.so.1", "libpng16.so.16", "libcudart.so.12", "libpython3.11.so.1.0"]:
        if not needed_faults(["libc.so.6", name]):
            wrong.append(f"canary: {name} passes")
    return wrong


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main():
    program = sys.argv[1]
    dynamic = run("readelf", "--dynamic", "--wide", program)
    libraries = re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)
    lines = run("nm", "--demangle", program).splitlines()
    symbols = [re.sub(r"^[0-9a-f ]*[A-Za-z?] ", "", line) for line in lines]
    found = canary_faults() + needed_faults(libraries) + symbol_faults(symbols)
    print(f"{program}: {len(symbols)} symbols, needs {' '.join(libraries)}")
    for fault in found:
        print(f"{program} {fault}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
