#!/usr/bin/env python3
"""Runs that cannot end well: killed programs, Ctrl-C, a full disk.

Usage: cli_fault_test.py FOLDER_OF_PROGRAMS.
"""

import os
import resource
import shutil
import signal
import subprocess
import time

from cli_lab import LIMIT_SECONDS, LONG, LabTest, children, main, program


class Interrupted(LabTest):
    """Runs that cannot end: nothing is left that looks like a result, and no process."""

    def long_run(self):
        train = self.start("ginn", "train", self.job(epochs=LONG), "--out", "r", "--json-lines",
                           "--threads", 1)
        self.assertIn('"step":1,', train.stdout.readline())
        verifiers = children(train.pid)
        self.assertEqual(len(verifiers), 1)
        return train, verifiers[0]

    def end(self, train):
        error = train.communicate(timeout=LIMIT_SECONDS)[1]
        self.assertEqual(children(train.pid), [])
        self.assert_no_result(self.dir / "r")
        return error

    def test_killed_verifier(self):
        train, verifier = self.long_run()
        os.kill(verifier, signal.SIGKILL)
        error = self.end(train)
        self.assertEqual(train.returncode, 3, error)
        self.assertIn("verifier", error)

    def test_control_c(self):
        for number in [signal.SIGINT, signal.SIGTERM]:
            shutil.rmtree(self.dir / "r", ignore_errors=True)
            train, verifier = self.long_run()
            os.killpg(train.pid, number)  # a terminal sends it to the whole group
            error = self.end(train)
            self.assertEqual(train.returncode, 3, error)
            self.assertIn("interrupted", error)
            self.assertFalse(alive(verifier))

    def test_killed_worker_takes_the_verifier_along(self):
        train, verifier = self.long_run()
        train.kill()
        train.communicate(timeout=LIMIT_SECONDS)
        deadline = time.monotonic() + LIMIT_SECONDS
        while alive(verifier) and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertFalse(alive(verifier))
        self.assertFalse((self.dir / "r" / "certificate.json").exists())


class FullDisk(LabTest):
    def fails(self, out, **options):
        """A verified run ends without a verdict or rejected, a baseline with the reason."""
        done = self.ginn(1, "train", self.job(), "--out", out, **options)
        self.assertRegex(done.stdout, r"REJECTED: write_failed: \S+/model\.safetensors")
        self.assert_no_result(out)
        for mode in ["--unverified", "--trusted-only"]:
            shutil.rmtree(out)
            self.refused("train", self.job(), "--out", out, mode, code=3,
                         naming=["write_failed", out / "model.safetensors"], **options)
            self.assert_no_result(out)

    def test_file_size_limit(self):
        """Every write behind byte 16384 of a file fails; the model has about 300 KB."""
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (16384, 16384))
        # Python ignores SIGXFSZ, and so do its children with this option.
        self.fails(self.dir / "r", preexec_fn=limit, restore_signals=False)

    def mount(self, kilobytes):
        disk = self.dir / "disk"
        disk.mkdir(exist_ok=True)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "none", str(disk)]
        if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
            self.skipTest("a small file system needs the right to mount one")
        return disk

    def unmount(self):
        subprocess.run(["umount", str(self.dir / "disk")], check=True)

    def test_full_file_system(self):
        disk = self.mount(64)
        try:
            self.fails(disk / "r")
        finally:
            self.unmount()

    def test_no_model_without_a_certificate(self):
        """Space for the model, but not for everything: wherever it ends, both are there or none."""
        job = self.job()
        self.ginn(0, "train", job, "--out", "r", "--unverified")
        model = (self.dir / "r" / "model.safetensors").stat().st_size // 1024
        seen = set()
        for more in range(4, 32, 4):
            disk = self.mount(model + more)
            try:
                command = [program("ginn"), "train", job, "--out", disk / "r"]
                subprocess.run(command, env=self.environment(), capture_output=True, check=False,
                               timeout=LIMIT_SECONDS)
                left = {path.name for path in (disk / "r").iterdir()}
            finally:
                self.unmount()
            both = left & {"model.safetensors", "certificate.json"}
            self.assertIn(len(both), [0, 2], (more, left))
            seen.add(len(both))
        self.assertEqual(seen, {0, 2})


def alive(pid):
    """Whether the process runs; one that only waits to be reaped does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


if __name__ == "__main__":
    main()
