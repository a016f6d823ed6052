#!/usr/bin/python3
"""What limits each layer of a model on this machine: a markdown table from `ginn bench`.

usage: bench/roofline.py GINN --model resnet18 --height 224 --width 224 --channels 3 [--out FILE]

A layer's three contractions (fprop, dgrad, wgrad) on one thread, beside the least time that they
could take: for each of them the larger of its multiply-adds at the int16 peak (sums in registers
only) and its bytes at the speed of copying memory. Bytes: every operand in and out once, int16, but
8 bytes for each sum of wgrad. Operands that stay in a cache take less: the limit is one of memory
only for layers whose tensors are large.
"""
import argparse
import json
import subprocess
import sys

SIZES = ("height", "width", "channels", "classes", "microbatch", "batch", "seconds")


def contractions(layer):
    """(ms, bytes) of each contraction that the layer has."""
    x, w, y = (layer[f"{name}_elements"] for name in ("input", "weight", "output"))
    traffic = {"fprop": 2 * (x + w + y), "dgrad": 2 * (y + w + x), "wgrad": 2 * (x + y) + 8 * w}
    return [(layer[f"{name}_ms"], traffic[name]) for name in traffic
            if layer[f"{name}_ms"] is not None]


def layer_row(layer, peak, copy):
    parts = contractions(layer)
    total_bytes = sum(traffic for _, traffic in parts)
    memory_ms = total_bytes / copy * 1e-6
    compute_ms = None if peak is None else len(parts) * layer["gmac"] / peak * 1e3
    limit_ms = None
    if peak is not None:
        limit_ms = sum(max(layer["gmac"] / peak * 1e3, traffic / copy * 1e-6)
                       for _, traffic in parts)
    return {"name": layer["name"], "shape": layer["shape"], "gmac": len(parts) * layer["gmac"],
            "ms": layer["value"], "gmacs": layer["gmacs"], "share": layer["share_of_peak"],
            "bytes": total_bytes, "memory_ms": memory_ms, "compute_ms": compute_ms,
            "limit_ms": limit_ms}


def cell(value, pattern="{:.2f}", scale=1.0):
    return "-" if value is None else pattern.format(value * scale)


def cells(row):
    by = "-"
    if row["compute_ms"] is not None:
        by = "compute" if row["compute_ms"] >= row["memory_ms"] else "memory"
    reached = None if row["limit_ms"] is None else row["limit_ms"] / row["ms"]
    return [row["name"], row["shape"], cell(row["gmac"], "{:.4f}"), cell(row["ms"], "{:.3f}"),
            cell(row["gmacs"], "{:.1f}"), cell(row["share"], "{:.0f} %", 100.0),
            cell(row["bytes"], "{:.2f}", 1e-6), cell(row["memory_ms"], "{:.3f}"),
            cell(row["limit_ms"], "{:.3f}"), by, cell(reached, "{:.0f} %", 100.0)]


HEAD = ["layer", "shape", "GMAC", "ms", "GMAC/s", "of the peak", "MB", "ms at copy speed",
        "limit, ms", "limited by", "limit / ms"]


def report_text(report):
    machine = report["machine"]
    peak, copy = machine["int16_peak_gmacs"], machine["memory_copy_gbs"]
    rows = [layer_row(r, peak, copy) for r in report["results"] if "shape" in r]
    step = next(r["value"] for r in report["results"] if r["group"] == "step")
    layers = sum(row["ms"] for row in rows)
    lines = [
        f"{report['model']} at {report['height']} x {report['width']} x {report['channels']}, "
        f"microbatch {report['microbatch']}; {machine['cpu']}, level {report['level']}, one "
        f"thread.", "",
        f"int16 peak {cell(peak, '{:.1f}')} GMAC/s; copying memory {copy:.1f} GB/s, read and "
        f"written.", "",
        "| " + " | ".join(HEAD) + " |", "|---|---|" + "---:|" * (len(HEAD) - 2)]
    lines += ["| " + " | ".join(cells(row)) + " |" for row in rows]
    lines += ["", f"One contribution takes {step:.2f} ms; the contractions of this table are "
                  f"{layers:.2f} ms of it, {100 * layers / step:.1f} %; the rest are maps."]
    if peak is not None:
        limit = sum(row["limit_ms"] for row in rows)
        lines += [f"The limits add up to {limit:.2f} ms: {100 * limit / layers:.1f} % of the "
                  f"contractions' time, {100 * limit / step:.1f} % of the contribution's."]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ginn")
    parser.add_argument("--model", default="resnet20")
    for name in SIZES:
        parser.add_argument(f"--{name}", help="as for ginn bench")
    parser.add_argument("--out", help="file to write (standard output)")
    options = parser.parse_args()
    command = [options.ginn, "bench", "--json", "--only", "layers,step", "--model", options.model]
    for name in SIZES:
        if getattr(options, name) is not None:
            command += [f"--{name}", getattr(options, name)]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if run.returncode != 0:
        print(f"{' '.join(command)} ended with {run.returncode}: {run.stdout}", file=sys.stderr)
        return 1
    text = report_text(json.loads(run.stdout))
    if options.out is None:
        print(text, end="")
    else:
        with open(options.out, "w", encoding="ascii") as file:
            file.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
