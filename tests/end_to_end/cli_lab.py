"""What the command-line tests share: the programs, tiny data and jobs, a command with a limit."""

import functools
import os
import pathlib
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

RECORDS, SIDE, CLASSES = 128, 8, 4
SANITIZED = bool(os.environ.get("GINN_SANITIZE"))  # how the programs were built
SLOWNESS = 5 if SANITIZED else 1
LIMIT_SECONDS = 120 * SLOWNESS  # of one command: a hang is a failure
RUN_FILES = {"job.json", "metrics.csv", "model.safetensors", "report.html", "run.json"}
SHORT = 2  # epochs: 8 steps of 4 microbatches
LONG = 20000  # never finishes within a test

JOB = """[model]
name = "{model}"
[data]
train = "{train}"
test = "{train}"
{root}
[augment]
crop = 1
flip = true
[train]
epochs = {epochs}
batch = 32
microbatch = 8
clip_norm = {clip_norm}
weight_decay = 5e-4
seed = {seed}
[train.lr]
peak = {peak}
[integrity]
budget = 0.1
verify = "{verify}"
{extra}
"""
DEFAULTS = {"model": "resnet8", "train": "d", "epochs": SHORT, "clip_norm": 0.5, "seed": 1,
            "peak": 0.2, "verify": "sample", "extra": ""}


def program(name):
    return str(pathlib.Path(os.environ["GINN_BIN"]) / name)


def idx_bytes(shape, data, kind=8):
    return bytes([0, 0, kind, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + data


@functools.cache
def pixels_and_labels():
    """Images whose bright two rows are their class; the same in every run of the tests."""
    generator = random.Random(1)
    labels = bytes(generator.randrange(CLASSES) for _ in range(RECORDS))
    pixels = bytes((200 if y // 2 == label else 20) + generator.randrange(40)
                   for label in labels for y in range(SIDE) for _ in range(SIDE))
    return pixels, labels


class LabTest(unittest.TestCase):
    """A test with a folder of its own, `self.dir`, which holds the data set "d" and no job."""

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="ginn-cli-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.temporary = self.dir / "tmp"  # TMPDIR of the programs
        self.temporary.mkdir()
        self.write_data("d")

    def write_data(self, name, images=None, labels=None):
        pixels, classes = pixels_and_labels()
        if images is None:
            images = idx_bytes([RECORDS, SIDE, SIDE], pixels)
        if labels is None:
            labels = idx_bytes([RECORDS], classes)
        (self.dir / f"{name}-images-idx3-ubyte").write_bytes(images)
        (self.dir / f"{name}-labels-idx1-ubyte").write_bytes(labels)

    @functools.cached_property
    def root(self):
        out = self.ginn(0, "data", self.dir / "d").stdout
        return re.search(r"root +(sha256:[0-9a-f]{64})", out)[1]

    def job(self, name="job.toml", root=None, **values):
        """Writes a job file and gives its path; root="" leaves the root out."""
        root = self.root if root is None else root
        line = f'root = "{root}"' if root else ""
        path = self.dir / name
        path.write_text(JOB.format(**(DEFAULTS | values), root=line))
        return path

    def environment(self, extra=None):
        return os.environ | {"TMPDIR": str(self.temporary)} | (extra or {})

    def ginn(self, code, *arguments, env=None, **options):
        """Runs ginn, expects the exit code, and gives the finished process."""
        command = [program("ginn"), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS,
                              env=self.environment(env), cwd=self.dir, check=False, **options)
        self.assertEqual(done.returncode, code, f"{command}\n{done.stdout}\n{done.stderr}")
        return done

    def refused(self, *arguments, naming, code=2, **options):
        """Expects the exit code, and that standard error says "ginn: " and each of `naming`."""
        done = self.ginn(code, *arguments, **options)
        self.assertRegex(done.stderr, r"(?m)^ginn: ")
        for name in naming:
            self.assertIn(str(name), done.stderr)
        return done

    def start(self, name, *arguments):
        """Starts a program in the background; it is gone when the test ends."""
        process = subprocess.Popen([program(name), *map(str, arguments)], cwd=self.dir,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env=self.environment(), start_new_session=True)
        self.addCleanup(self.stop, process)
        return process

    @staticmethod
    def stop(process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def assert_no_result(self, folder):
        """A run that failed leaves neither a model nor a certificate, nor temporary files."""
        left = {path.name for path in folder.iterdir()} if folder.exists() else set()
        self.assertFalse(left & {"model.safetensors", "certificate.json"}, left)
        self.assertFalse([name for name in left if name.endswith(".tmp")], left)
        self.assert_no_temporary()

    def assert_no_temporary(self):
        self.assertEqual(list(self.temporary.iterdir()), [])


def children(pid):
    """Process ids whose parent is `pid`."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found


def main():
    """SCRIPT FOLDER_OF_PROGRAMS [unittest's arguments]"""
    os.environ["GINN_BIN"] = os.path.abspath(sys.argv.pop(1))
    unittest.main()
