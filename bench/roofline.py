#!/usr/bin/python3
"""Where a contribution's time goes and what limits it on this machine: a markdown table from
`ginn bench`.

usage: bench/roofline.py GINN --model resnet18 --height 224 --width 224 --channels 3 [--out FILE]

Every operation of the model, timed within whole contributions on one thread (forward and backward
pass), beside the least time that it could take: for each contraction (fprop, dgrad, wgrad) the
larger of its multiply-adds at the int16 peak (sums in registers only) and its bytes at the speed of
copying memory; for a map its bytes. Bytes count every tensor once a pass, whatever is in a cache:
forward inputs and output, backward inputs, output and their gradients; int16, but 8 bytes for each
sum of wgrad. `alone`: a contraction by itself, again and again, its operands in the caches.
Operations of one kind and shape stand in one row, with their means; `of all` is their sum.
"""
import argparse
import json
import subprocess
import sys

SIZES = ("height", "width", "channels", "classes", "microbatch", "batch", "seconds")


def limits(row, peak, copy):
    """Bytes, and ms by multiply-adds and by bytes, each the sum over what the operation does."""
    inputs, outputs = row["input_elements"], row["output_elements"]
    weights = row.get("weight_elements", 0)
    forward = 2 * (inputs + weights + outputs)
    if row["kind"] not in ("conv2d", "linear"):
        backward = 4 * (inputs + outputs) if row["backward_ms"] > 0 else 0
        traffic, macs = [forward, backward], [0, 0]
    else:
        traffic = [forward, 2 * (inputs + outputs) + 8 * weights]
        traffic += [forward] * (int(row["contractions"]) - 2)
        macs = [row["gmac"] / peak * 1e3] * len(traffic)
    memory = [each / copy * 1e-6 for each in traffic]
    return sum(traffic), sum(macs), sum(memory), sum(map(max, macs, memory))


def groups(operations):
    """Lists of the rows of one kind and shape, in order."""
    found = {}
    for row in operations:
        key = (row["kind"], row["shape"], row["input_elements"], row.get("contractions"))
        found.setdefault(key, []).append(row)
    return list(found.values())


def table_row(rows, alone, peak, copy):
    row = dict(rows[0])
    for key in ("value", "forward_ms", "backward_ms"):
        row[key] = sum(each[key] for each in rows) / len(rows)
    traffic, compute, memory, limit = limits(row, peak, copy)
    gmac = row.get("gmac", 0) * row.get("contractions", 0)
    ms = row["value"]
    rate = gmac / ms * 1e3
    more = f" and {len(rows) - 1} more" if len(rows) > 1 else ""
    kind = "" if row["shape"].startswith(row["kind"]) else f"{row['kind']}, "
    return [row["name"] + more, kind + row["shape"], f"{row['forward_ms']:.3f}",
            f"{row['backward_ms']:.3f}",
            f"{100 * sum(each['share_of_step'] for each in rows):.1f} %",
            f"{alone[row['name']]:.3f}" if row["name"] in alone else "",
            f"{gmac:.4f}" if gmac else "", f"{100 * rate / peak:.0f} %" if gmac else "",
            f"{traffic * 1e-6:.2f}", f"{limit:.3f}", "compute" if compute >= memory else "memory",
            f"{100 * limit / ms:.0f} %"]


HEAD = ["operation", "of one image", "forward, ms", "backward, ms", "of all", "alone, ms", "GMAC",
        "of the peak", "MB", "limit, ms", "limited by", "limit / ms"]


def report_text(report):
    machine = report["machine"]
    peak, copy = machine["int16_peak_gmacs"], machine["memory_copy_gbs"]
    rows = [r for r in report["results"] if r["group"] == "operations"]
    operations = [r for r in rows if "kind" in r]
    named = {r["name"]: r["value"] for r in rows if "kind" not in r}
    alone = {r["name"]: r["value"] for r in report["results"]
             if r["group"] == "layers" and "shape" in r}
    whole = named["(one contribution)"]

    def part(label, chosen):
        ms = sum(r["value"] for r in chosen)
        limit = sum(limits(r, peak, copy)[3] for r in chosen)
        return f"| {label} | {ms:.2f} | {100 * ms / whole:.1f} % | {limit:.2f} | " \
               f"{100 * limit / ms:.0f} % |"

    contractions = [r for r in operations if r["kind"] in ("conv2d", "linear")]
    maps = [r for r in operations if r["kind"] not in ("conv2d", "linear")]
    hot = sum(alone[r["name"]] for r in contractions)
    lines = [
        f"{report['model']} at {report['height']} x {report['width']} x {report['channels']}, "
        f"microbatch {report['microbatch']}; {machine['cpu']}, level {report['level']}, one "
        f"thread. int16 peak {peak:.1f} GMAC/s; copying memory {copy:.1f} GB/s, read and written.",
        "", "| part | ms | of all | limit, ms | limit / ms |", "|---|---:|---:|---:|---:|",
        part("contractions", contractions), part("maps", maps)]
    for name, label in (("(images read and quantised)", "images read and quantised"),
                        ("(gradient clipped and quantised)", "gradient clipped and quantised")):
        lines.append(f"| {label} | {named[name]:.2f} | {100 * named[name] / whole:.1f} % | | |")
    lines += [
        f"| all of these | {named['(all of these)']:.2f} | "
        f"{100 * named['(all of these)'] / whole:.1f} % | | |",
        f"| one contribution | {whole:.2f} | | | |", "",
        f"The contractions alone, their operands in the caches: {hot:.2f} ms.", "",
        "| " + " | ".join(HEAD) + " |", "|---|---|" + "---:|" * (len(HEAD) - 2)]
    lines += ["| " + " | ".join(table_row(r, alone, peak, copy)) + " |" for r in groups(operations)]
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
    command = [options.ginn, "bench", "--json", "--only", "operations,layers", "--model",
               options.model]
    for name in SIZES:
        if getattr(options, name) is not None:
            command += [f"--{name}", getattr(options, name)]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if run.returncode != 0:
        print(f"{' '.join(command)} ended with {run.returncode}: {run.stdout}", file=sys.stderr)
        return 1
    report = json.loads(run.stdout)
    if report["machine"]["int16_peak_gmacs"] is None:
        print(f"level {report['level']} has no measured peak", file=sys.stderr)
        return 1
    text = report_text(report)
    if options.out is None:
        print(text, end="")
    else:
        with open(options.out, "w", encoding="ascii") as file:
            file.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
