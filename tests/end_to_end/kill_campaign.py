#!/usr/bin/env python3
"""Kills worker, verifier or both (SIGKILL) at random times, resumes, expects the unkilled bytes.

Usage: kill_campaign.py FOLDER_OF_PROGRAMS [--kills N] [--seed S] [--seconds LIMIT]
Run by hand. Exit code 0 when every run ended with the model of an unkilled one, accepted.
"""

import argparse
import collections
import contextlib
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

import cli_lab

KILLS_OF_A_RUN = 40  # of 64 lives, of which killed verifiers cost one each
VICTIMS = ["worker", "verifier", "both"]


class Campaign(cli_lab.LabTest):
    """Not a test case: borrows the lab's data, jobs and programs."""

    def runTest(self):
        """unittest wants one."""

    def begin(self):
        self.setUp()
        self.job_file = self.job(model="mlp", epochs=150, extra="lives = 64")
        self.ginn(0, "train", self.job_file, "--out", "whole", "--unverified", "--quiet")
        self.model = (self.dir / "whole" / "model.safetensors").read_bytes()

    def start_train(self, more):
        return self.start("ginn", "train", self.job_file, "--out", "r", "--quiet", "--threads", 1,
                          *more)

    def over(self, code, error):
        """Expects a run that ended well: now, or when its verifier outlived its killed worker."""
        if code != 0:
            self.assertIn("out_exists", error)
        self.assertTrue((self.dir / "r" / "certificate.json").exists(), error)

    def kill(self, victim, wait):
        """Starts or resumes the run and kills after `wait` seconds. Gives whom: "" when it had
        ended, "worker" where there was no verifier to kill yet or any more."""
        train = self.start_train(["--resume"] if (self.dir / "r").exists() else [])
        try:
            error = train.communicate(timeout=wait)[1]
            self.over(train.returncode, error)
            return ""
        except subprocess.TimeoutExpired:
            pass
        verifiers = cli_lab.children(train.pid)
        if not verifiers:
            victim = "worker"
        if victim != "worker":
            for verifier in verifiers:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(verifier, signal.SIGKILL)
        if victim != "verifier":
            train.kill()
        error = train.communicate(timeout=cli_lab.LIMIT_SECONDS)[1]
        if train.returncode in {0, 2}:  # it ended by itself between the look and the kill
            self.over(train.returncode, error)
            return ""
        self.assertEqual(train.returncode, 3 if victim == "verifier" else -signal.SIGKILL, error)
        self.assertFalse((self.dir / "r" / "rejection.json").exists())
        return victim

    def run_once(self, chance):
        shutil.rmtree(self.dir / "r", ignore_errors=True)
        killed = collections.Counter()
        while sum(killed.values()) < KILLS_OF_A_RUN:
            victim = self.kill(chance.choice(VICTIMS), chance.uniform(0.05, 0.8))
            if not victim:
                break
            killed[victim] += 1
        else:
            train = self.start_train(["--resume"])
            error = train.communicate(timeout=cli_lab.LIMIT_SECONDS)[1]
            self.over(train.returncode, error)
        self.ginn(0, "verify", "r", "--job", self.job_file, "--allow-simulated")
        self.assertEqual((self.dir / "r" / "model.safetensors").read_bytes(), self.model)
        return killed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("programs")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no run after")
    arguments = parser.parse_args()
    os.environ["GINN_BIN"] = str(pathlib.Path(arguments.programs).resolve())
    chance = random.Random(arguments.seed)
    campaign, total, runs, begin = Campaign(), collections.Counter(), 0, time.monotonic()
    campaign.begin()
    try:
        while sum(total.values()) < arguments.kills and \
                time.monotonic() - begin < arguments.seconds:
            killed = campaign.run_once(chance)
            total += killed
            runs += 1
            print(f"run {runs}: {dict(killed)}, same model, accepted", flush=True)
    finally:
        campaign.doCleanups()
    print(f"{sum(total.values())} kills survived ({dict(total)}) in {runs} runs, each with the "
          f"same model; {time.monotonic() - begin:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
