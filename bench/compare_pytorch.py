#!/usr/bin/python3
"""Images per second and peak memory of whole training steps, ginn beside PyTorch, in one run.

usage: bench/compare_pytorch.py GINN [--models resnet8 resnet18@224 ...] [--python PATH ...]

The programs take turns, each time in a process of its own: medians over the rounds, and the median
of the rounds' ratios to the PyTorch that is faster. PyTorch: float32, channels-last, oneDNN, the
batch in one piece (torch_worker.py). ginn: the batch in microbatches, reading, augmentation and
optimiser included (`ginn bench --only train`). The first PyTorch is that of this script's
interpreter; each --python adds another. Prints a markdown table, or with --json one document.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

WORKER = pathlib.Path(__file__).resolve().parent / "torch_worker.py"
SIZES = {"mlp": 28, "lenet": 28, "resnet8": 32, "resnet20": 32, "resnet32": 32, "resnet44": 32,
         "resnet56": 32, "resnet110": 32, "resnet18": 224, "resnet34": 224, "resnet50": 224,
         "resnet101": 224, "resnet152": 224, "vgg11": 32, "vgg13": 32, "vgg16": 32, "vgg19": 32,
         "vgg11_bn": 32, "vgg13_bn": 32, "vgg16_bn": 32, "vgg19_bn": 32,
         "mobilenet_v2": 224}  # where there is no @SIZE
ALL = ["mlp", "lenet", "resnet8", "resnet20", "vgg16@32", "vgg16_bn@32", "resnet18@224",
       "resnet50@224", "vgg16@224", "vgg16_bn@224"]


class Failed(Exception):
    pass


def output(command, threads=None):
    env = dict(os.environ)
    if threads is not None:
        env["OMP_NUM_THREADS"] = env["MKL_NUM_THREADS"] = str(threads)
    run = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    if run.returncode != 0:
        last = (run.stderr.strip().splitlines() or ["nothing on standard error"])[-1]
        raise Failed(f"{command[0]} ended with {run.returncode}: {last}")
    return json.loads(run.stdout)


def parse_net(text, options):
    name, _, size = text.partition("@")
    if name not in SIZES or size and not size.isdigit():
        raise SystemExit(f"--models {text}: expected NAME or NAME@PIXELS, NAME one of "
                         + ", ".join(SIZES))
    side = int(size or SIZES[name])
    large = side > 64
    return {"model": name, "height": side, "width": side, "channels": 1 if side == 28 else 3,
            "classes": 1000 if large else 10,
            "batch": options.batch or (32 if large else 128),
            "microbatch": options.microbatch or (16 if large else 32)}


def torch_run(python, net, threads, seconds):
    job = dict(net, threads=threads, seconds=seconds)
    return output([python, str(WORKER), json.dumps(job)], threads)


def ginn_run(ginn, net, threads, seconds):
    command = [ginn, "bench", "--json", "--only", "train"]
    for name, value in dict(net, threads=threads, seconds=seconds).items():
        command += [f"--{name}", str(value)]
    report = output(command)
    rate = next(r["value"] for r in report["results"] if r["group"] == "train")
    return {"rate": rate, "peak_memory_bytes": report["peak_memory_bytes"],
            "level": report["level"], "cpu": report["machine"]["cpu"]}


def compare(options, net, threads):
    """One row: medians of each program, ratio to the faster PyTorch."""
    ours, theirs = [], [[] for _ in options.python]
    for _ in range(options.rounds):
        for python, runs in zip(options.python, theirs):
            runs.append(torch_run(python, net, threads, options.seconds))
        ours.append(ginn_run(options.ginn, net, threads, options.seconds))
    rate = lambda runs: statistics.median(run["rate"] for run in runs)
    memory = lambda runs: max(run["peak_memory_bytes"] for run in runs)
    fastest = max(theirs, key=rate)
    return dict(net, threads=threads, level=ours[0]["level"], cpu=ours[0]["cpu"],
                ginn={"rate": rate(ours), "peak_memory_bytes": memory(ours)},
                torch=[{"version": runs[0]["torch"], "blas": runs[0]["blas"], "rate": rate(runs),
                        "torchvision": runs[0]["torchvision"],
                        "peak_memory_bytes": memory(runs),
                        "import_memory_bytes": runs[0]["import_memory_bytes"]}
                       for runs in theirs],
                faster=fastest[0]["torch"],
                ratio=statistics.median(a["rate"] / b["rate"] for a, b in zip(ours, fastest)))


def markdown(row, first):
    mebibytes = lambda program: f"{program['peak_memory_bytes'] / 2**20:.0f}"
    versions = [f"PyTorch {t['version']}" for t in row["torch"]]
    lines = []
    if first:
        libraries = "; ".join(f"{v} with {t['blas']}" for v, t in zip(versions, row["torch"]))
        lines.append(f"{row['cpu']}, ginn level {row['level']}; {libraries}; images/s and MiB\n")
        head = ["network", "batch", "threads", "ginn", *versions, "ratio to the faster"]
        head += ["ginn MiB"] + [f"{v} MiB" for v in versions]
        lines += ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    rates = [f"{p['rate']:.{1 if p['rate'] < 100 else 0}f}" for p in [row["ginn"], *row["torch"]]]
    cells = [f"{row['model']}, {row['height']} x {row['width']} x {row['channels']}",
             f"{row['batch']} / {row['microbatch']}", str(row["threads"]), *rates,
             f"{row['ratio']:.2f}", mebibytes(row["ginn"]), *map(mebibytes, row["torch"])]
    return "\n".join(lines + ["| " + " | ".join(cells) + " |"])


def warn_of_reference_blas(row):
    for torch in row["torch"]:
        if torch["blas"] == "reference BLAS":
            print(f"PyTorch {torch['version']} multiplies matrices by the reference BLAS, several "
                  "times slower than others: apt-get install libopenblas0", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ginn")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each program's turn")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--models", nargs="+", default=ALL[:4], metavar="NAME[@PIXELS]",
                        help=f"all: {' '.join(ALL)} (the first four)")
    parser.add_argument("--batch", type=int, help="images a step (128; 32 above 64 pixels)")
    parser.add_argument("--microbatch", type=int, help="of ginn (32; 16 above 64 pixels)")
    parser.add_argument("--python", action="append", default=[], metavar="PATH",
                        help="an interpreter with another PyTorch, such as VENV/bin/python")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.python.insert(0, sys.executable)
    models = ALL if options.models == ["all"] else options.models
    rows, failed = [], False
    for net in [parse_net(text, options) for text in models]:
        for threads in options.threads:
            try:
                row = compare(options, net, threads)
                warn_of_reference_blas(row)
            except Failed as error:
                print(f"{net['model']}, {threads} threads: {error}", file=sys.stderr)
                failed = True
                continue
            if not options.json:
                print(markdown(row, not rows), flush=True)
            rows.append(row)
    if options.json:
        print(json.dumps({"rounds": options.rounds, "seconds": options.seconds, "results": rows},
                         indent=1))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
