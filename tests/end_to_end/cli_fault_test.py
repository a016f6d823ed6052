#!/usr/bin/env python3
"""Runs that cannot end well: killed programs, Ctrl-C, a full disk, too little memory.

Usage: cli_fault_test.py FOLDER_OF_PROGRAMS.
"""

import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
import unittest

from cli_lab import (LIMIT_SECONDS, LONG, SANITIZED, SLOWNESS, LabTest, children, main,
                     program)

SOON_SECONDS = 15 * SLOWNESS  # an end that somebody waits for, on a busy machine
TOLD = ["metrics.csv", "report.html", "run.json"]  # what a run that was cut short still leaves


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
        for name in TOLD:
            self.assertTrue((self.dir / "r" / name).exists(), name)
        self.assertIn(",", (self.dir / "r" / "metrics.csv").read_text().splitlines()[1])
        return error

    def test_killed_verifier(self):
        train, verifier = self.long_run()
        os.kill(verifier, signal.SIGKILL)
        error = self.end(train)
        self.assertEqual(train.returncode, 3, error)
        self.assertIn("verifier_gone", error)
        self.assertIn("exit code 137", error)
        self.assertIn("verifier.log", error)

    def test_resume_gives_the_same_model(self):
        """Stopped, then killed (worker, then verifier), then finished: the bytes of one go."""
        job = self.job(epochs=40, extra="lives = 3")  # longer than three kills take to arrive
        self.ginn(0, "train", job, "--out", "whole", "--unverified")
        model = (self.dir / "whole" / "model.safetensors").read_bytes()
        last = (self.dir / "whole" / "metrics.csv").read_text().splitlines()[-1].split(",")[:4]
        more = []
        for victim, number in [("train", signal.SIGINT), ("train", signal.SIGKILL),
                               ("verifier", signal.SIGKILL)]:
            train = self.start("ginn", "train", job, "--out", "r", "--json-lines", "--threads", 1,
                               *more)
            train.stdout.readline()
            process = train.pid if victim == "train" else children(train.pid)[0]
            os.kill(process, number)
            train.communicate(timeout=LIMIT_SECONDS)
            self.assertNotEqual(train.returncode, 0)
            more = ["--resume"]
        self.ginn(0, "train", job, "--out", "r", "--resume")
        self.assertEqual((self.dir / "r" / "model.safetensors").read_bytes(), model)
        rows = (self.dir / "r" / "metrics.csv").read_text().splitlines()[1:]
        steps = [int(row.split(",")[0]) for row in rows]
        self.assertEqual(steps[0], 0)
        self.assertEqual(steps, sorted(set(steps)))
        self.assertEqual(rows[-1].split(",")[:4], last)
        self.ginn(0, "verify", "r", "--job", job, "--allow-simulated")
        self.assertFalse((self.dir / "r" / "checkpoint.sealed").exists())
        self.refused("train", job, "--out", "r", "--resume", naming=["is over"])

    def test_killed_between_the_last_files(self):
        """No checkpoint yet, the model written, its certificate not: the run begins anew."""
        for lives in ["2", '"unlimited"']:
            with self.subTest(lives):
                shutil.rmtree(self.dir / "r", ignore_errors=True)
                self.killed_between_the_last_files(self.job(epochs=40, extra=f"lives = {lives}"))

    def killed_between_the_last_files(self, job):
        train = self.start("ginn", "train", job, "--out", "r", "--json-lines", "--threads", 1)
        train.stdout.readline()
        for victim in [*children(train.pid), train.pid]:
            os.kill(victim, signal.SIGKILL)
        train.communicate(timeout=LIMIT_SECONDS)
        self.assertFalse((self.dir / "r" / "checkpoint.sealed").exists())
        metrics = (self.dir / "r" / "metrics.csv").read_text().splitlines()
        self.assertTrue(metrics[1].startswith("0,"))  # written while it ran
        left = ["rejection-evidence.safetensors", "job.json", "transcript.jsonl",
                "model.safetensors"]
        for name in left:
            (self.dir / "r" / name).write_text("half")
        self.ginn(0, "train", job, "--out", "r", "--resume")
        self.ginn(0, "verify", "r", "--job", job, "--allow-simulated")
        self.assertFalse((self.dir / "r" / left[0]).exists())

    def test_resume_leaves_what_no_verifier_made(self):
        job = self.job()
        self.ginn(0, "train", job, "--out", "u", "--unverified")
        model = (self.dir / "u" / "model.safetensors").read_bytes()
        for _ in range(2):
            self.refused("train", job, "--out", "u", "--resume", code=3, naming=["of another run"])
        self.assertEqual((self.dir / "u" / "model.safetensors").read_bytes(), model)

    def test_control_c(self):
        for number in [signal.SIGINT, signal.SIGTERM]:
            shutil.rmtree(self.dir / "r", ignore_errors=True)
            train, verifier = self.long_run()
            os.killpg(train.pid, number)  # a terminal sends it to the whole group
            error = self.end(train)
            self.assertEqual(train.returncode, 3, error)
            self.assertIn("interrupted", error)
            self.assertFalse(alive(verifier))
            self.assertIn("--resume", error)
            self.assertTrue((self.dir / "r" / "checkpoint.sealed").exists())
            self.assertFalse((self.dir / "r" / "rejection.json").exists())

    def interrupt(self, process, number):
        begin = time.monotonic()
        process.send_signal(number)
        error = process.communicate(timeout=LIMIT_SECONDS)[1]
        self.assertLess(time.monotonic() - begin, SOON_SECONDS)
        self.assertEqual(process.returncode, 3, error)
        self.assertIn("interrupted", error)

    def test_control_c_while_the_verifier_stands_still(self):
        train, verifier = self.long_run()
        os.kill(verifier, signal.SIGSTOP)
        time.sleep(1)  # the queue fills up
        train.send_signal(signal.SIGINT)
        while "once more" not in train.stderr.readline():
            pass
        self.interrupt(train, signal.SIGINT)
        self.assertFalse(alive(verifier))
        self.assertTrue((self.dir / "r" / "metrics.csv").exists())

    def test_control_c_while_nobody_answers(self):
        job = self.job()
        for number in [signal.SIGINT, signal.SIGTERM]:
            (self.dir / "socket").unlink(missing_ok=True)
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(self.dir / "socket"))
                listener.listen()
                work = self.start("ginn", "work", job, "--connect", f"unix:{self.dir}/socket")
                with listener.accept()[0] as connection:
                    connection.recv(1)
                    self.interrupt(work, number)
        (self.dir / "socket").unlink()
        for verb in [["work", job, "--connect"], ["train", job, "--out", "r", "--verifier"]]:
            process = self.start("ginn", *verb, f"unix:{self.dir}/socket")
            self.assertIn(f"nobody listens at unix:{self.dir}/socket", process.stderr.readline())
            self.interrupt(process, signal.SIGINT)

    def test_control_c_of_a_baseline(self):
        run = self.start("ginn", "train", self.job(epochs=LONG), "--out", "r", "--json-lines",
                         "--threads", 1, "--unverified")
        self.assertIn('"step":1,', run.stdout.readline())
        self.interrupt(run, signal.SIGINT)
        for name in TOLD:
            self.assertTrue((self.dir / "r" / name).exists(), name)

    def test_killed_worker_takes_the_verifier_along(self):
        train, verifier = self.long_run()
        train.kill()
        train.communicate(timeout=LIMIT_SECONDS)
        deadline = time.monotonic() + LIMIT_SECONDS
        while alive(verifier) and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertFalse(alive(verifier))
        self.assertFalse((self.dir / "r" / "certificate.json").exists())


class BrokenVerifier(LabTest):
    """Another program in the place of ginn-verifier, which a run starts."""

    def train(self, script):
        programs = self.dir / "bin"
        programs.mkdir(exist_ok=True)
        shutil.copy(program("ginn"), programs / "ginn")
        (programs / "ginn-verifier").write_text(f"#!{sys.executable}\n{script}")
        (programs / "ginn-verifier").chmod(0o755)
        shutil.rmtree(self.dir / "r", ignore_errors=True)
        begin = time.monotonic()
        done = subprocess.run([programs / "ginn", "train", self.job(), "--out", self.dir / "r"],
                              env=self.environment(), capture_output=True, text=True, check=False,
                              timeout=LIMIT_SECONDS)
        self.assertLess(time.monotonic() - begin, SOON_SECONDS)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assert_no_result(self.dir / "r")
        return done.stderr

    def test_that_does_not_start(self):
        error = self.train("import sys\nprint('first')\nsys.exit('ginn-verifier: why')\n")
        self.assertRegex(error, r"verifier_gone: .*exit code 1: ginn-verifier: why; .*\.log")

    def test_that_dies_in_the_handshake(self):
        listen = ("import socket, sys\ns = socket.socket(socket.AF_UNIX)\n"
                  "s.bind(sys.argv[2].removeprefix('unix:'))\ns.listen()\nc = s.accept()[0]\n")
        for more in ["", "c.recv(12)\n", "c.sendall(bytes(3))\n"]:
            error = self.train(listen + more + "sys.exit('ginn-verifier: why')\n")
            self.assertRegex(error, r"verifier_gone: .*exit code 1: ginn-verifier: why")


class Surroundings(LabTest):
    def test_a_long_temporary_folder(self):
        long = self.temporary / ("x" * 90)
        long.mkdir()
        self.refused("train", self.job(), "--out", "r", code=3, env={"TMPDIR": str(long)},
                     naming=["TMPDIR", long])
        long.rmdir()

    @unittest.skipIf(SANITIZED, "a sanitizer's shadow needs more address space than any limit")
    def test_memory(self):
        """However little memory there is: an error of the environment, or the run is good."""
        job, codes = self.job(model="resnet20"), set()
        for mode in [[], ["--unverified"]]:
            for megabytes in [24, 48, 64, 72, 104, 120, 208, 4096]:
                def limit(most=megabytes << 20):
                    resource.setrlimit(resource.RLIMIT_AS, (most, most))
                shutil.rmtree(self.dir / "r", ignore_errors=True)
                done = subprocess.run(
                    [program("ginn"), "train", job, "--out", "r", "--threads", "4", *mode],
                    env=self.environment(), cwd=self.dir, capture_output=True, text=True,
                    preexec_fn=limit, timeout=LIMIT_SECONDS, check=False)
                self.assertIn(done.returncode, [0, 3], (megabytes, done.stdout, done.stderr))
                codes.add(done.returncode)
        self.assertEqual(codes, {0, 3})


class FullDisk(LabTest):
    def fails(self, out, **options):
        """Not the worker's fault: an error of the environment, and nobody is accused."""
        self.refused("train", self.job(), "--out", out, code=3,
                     naming=["verifier_failed", "write_failed", out / "model.safetensors"],
                     **options)
        self.assertFalse((out / "rejection.json").exists())
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
        for more in range(4, 44, 4):
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
