"""vectors/golden.json against `ginn selftest`: every case at every level that this CPU has.

usage: golden_test.py GINN golden.json
"""
import json
import subprocess
import sys

golden = json.load(open(sys.argv[2]))["digests"]
command = [sys.argv[1], "selftest", "--json"]
run = subprocess.run(command, check=True, capture_output=True, text=True)
result = json.loads(run.stdout)
levels = {name: level["digests"]
          for name, level in result["levels"].items() if level["supported"]}
bad = [f"{level}: {case}"
       for level, digests in levels.items()
       for case in golden.keys() | digests.keys()
       if golden.get(case) != digests.get(case)]
for name, level in sorted(result["levels"].items()):
    print(f"{name}: {'checked' if level['supported'] else 'SKIPPED, this CPU lacks it'}")
if bad or "portable" not in levels or not golden:
    sys.exit("differs from vectors/golden.json: " + ", ".join(sorted(bad)))
print(f"{len(golden)} digests equal")
