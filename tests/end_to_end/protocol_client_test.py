#!/usr/bin/env python3
"""The programs against an independent client: an honest run, each way of being wrong, broken lines.

Usage: protocol_client_test.py FOLDER_OF_PROGRAMS. The client (protocol_client.py) is written from
docs/protocol.md. LIES and the tests behind OWN_TESTS have a case for each code with which a run may
end, as that page lists them, or NO_CASE says why no client can provoke it.
"""

import hashlib
import json
import pathlib
import re
import resource
import signal
import struct
import time
import unittest

import ed25519
from cli_lab import CLASSES, LIMIT_SECONDS, SANITIZED, LabTest, main, pixels_and_labels
from protocol_client import (CONTRIBUTION, END, GRANT, HELLO, JOB, VERSION, WANTS_STATE, Client,
                             canonical, frame, grant)
from protocol_proxy import Proxy

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "protocol.md"
KEY = ed25519.Key(bytes(32))
BIAS = 1 + 2 * CLASSES  # bytes of the last parameter: its exponent, its integers

MACHINE = "the verifier's own machine: tests/simulation, src/verifier/*_test.cpp"
WEIGHTS = "a file on the verifier's machine: transfer_test.cpp, cli_transfer_test.py"
NO_CASE = {
    "not_finite": "norm-limited contributions need very many steps to get there",
    "peer_gone": "needs a full socket: src/protocol/connection_test.cpp",
    "write_failed": MACHINE, "record_mismatch": MACHINE, "record_unreadable": MACHINE,
    "replay_unstable": MACHINE, "no_checkpoint": MACHINE, "checkpoint_form": MACHINE,
    "checkpoint_job": MACHINE, "seal_broken": MACHINE, "state_form": MACHINE,
    "counter_form": MACHINE, "life_spent": MACHINE, "out_of_memory": MACHINE, "failed": MACHINE,
    "no_weights": WEIGHTS, "not_found": WEIGHTS, "not_a_file": WEIGHTS, "too_large": WEIGHTS,
    "unreadable": WEIGHTS,
}


class Recorded:
    """A real worker's run: its job, its contributions in order, the digest of its model."""

    def __init__(self, frames, model):
        self.job = next(payload for kind, payload in frames if kind == JOB)
        self.contributions = [payload for kind, payload in frames if kind == CONTRIBUTION]
        self.model = model

    def send(self, client, first=0, last=None):
        for payload in self.contributions[first:last]:
            client.send(CONTRIBUTION, payload)

    def changed_job(self, change):
        job = json.loads(self.job)
        change(job)
        return canonical(job)


def with_bias(payload, exponent, integers):
    return payload[:-BIAS] + struct.pack(f"<b{CLASSES}h", exponent, *integers)


# Lies. Each takes a client before hello, and the recorded run, and does one thing wrong.

def handshake(client, recorded):
    return client.handshake(recorded.job, KEY)


def before_job(sent):
    def lie(client, _):
        client.send_bytes(sent)
    return lie


def hello(payload):
    return before_job(frame(HELLO, payload, 0))


def job(change):
    def lie(client, recorded):
        client.send(HELLO, struct.pack("<HH", VERSION, 0))
        client.send(JOB, change(recorded))
    return lie


def owners(make):
    """`make` gives a grant for a start."""
    def lie(client, recorded):
        client.send(GRANT, make(client.introduce(recorded.job)))
    return lie


def forged(start):
    """Signed by another key than it names."""
    return grant(start, ed25519.Key(b"\1" * 32), ownerKey="ed25519:" + KEY.public.hex())


def envelope(start, **changes):
    return canonical(json.loads(grant(start, KEY)) | changes)


def contribution(change, at=0):
    """The contribution number `at` of the recorded ones, changed."""
    def lie(client, recorded):
        handshake(client, recorded)
        recorded.send(client, 0, at)
        client.send(CONTRIBUTION, change(recorded.contributions[at]))
    return lie


def prefix(step, microbatch, zero=0):
    return lambda payload: struct.pack("<QII", step, microbatch, zero) + payload[16:]


def off_by_one(payload):
    integers = list(struct.unpack(f"<{CLASSES}h", payload[-2 * CLASSES:]))
    most = max(range(CLASSES), key=lambda i: abs(integers[i]))
    integers[most] += 1 if integers[most] < 0 else -1
    return payload[:-2 * CLASSES] + struct.pack(f"<{CLASSES}h", *integers)


def after_the_end(client, recorded):
    handshake(client, recorded)
    recorded.send(client)
    client.send(END)
    client.send(END)


def another_job(client, recorded):
    handshake(client, recorded)
    client.socket.close()
    client.__init__(client.address)
    client.send(HELLO, struct.pack("<HH", VERSION, 0))
    client.send(JOB, recorded.changed_job(lambda found: found["train"].update(seed="77")))


def in_the_run(kind, payload=b"", **wrong):
    """A wrong frame where the first contribution is due."""
    def lie(client, recorded):
        handshake(client, recorded)
        client.send(kind, payload, **wrong)
    return lie


# The same codes elsewhere: in a hello's flags, a header's zeros, once the job is known.
MORE_LIES = [
    ("frame_reserved", hello(struct.pack("<HH", VERSION, 2)), 1, False),
    ("frame_reserved",
     before_job(frame(HELLO, struct.pack("<HH", VERSION, 0), 0, b"\0\1\0")), 1, False),
    ("frame_reserved", in_the_run(END, reserved=b"\1\0\0"), 1, True),
    ("frame_type", in_the_run(9), 1, True),
    ("frame_length", in_the_run(CONTRIBUTION, b"short"), 1, True),
    ("frame_order", in_the_run(JOB, b"{}"), 1, True),
    ("frame_order", in_the_run(END), 1, True),
]
# Code: (lie, exit code of the verifier, whether it leaves a rejection).
LIES = {
    "protocol_version": (hello(struct.pack("<HH", VERSION + 1, 0)), 1, False),
    "frame_reserved": (contribution(prefix(0, 0, 1)), 1, True),
    "frame_type": (before_job(frame(9, b"", 0)), 1, False),
    "frame_length": (before_job(frame(HELLO, b"12345", 0)), 1, False),
    "frame_order": (before_job(frame(JOB, b"{}", 0)), 1, False),
    "contribution_index": (contribution(prefix(1 << 40, 0)), 1, True),
    "contribution_duplicate": (contribution(prefix(0, 0), at=1), 1, True),
    "contribution_order": (contribution(prefix(0, 1)), 1, True),
    "contribution_exponent": (contribution(lambda p: with_bias(p, 21, [1] * CLASSES)), 1, True),
    "contribution_integer": (
        contribution(lambda p: with_bias(p, 0, [-32768] + [0] * (CLASSES - 1))), 1, True),
    "contribution_zero_exponent": (contribution(lambda p: with_bias(p, 0, [0] * CLASSES)), 1, True),
    "contribution_norm": (contribution(lambda p: with_bias(p, 20, [32767] * CLASSES)), 1, True),
    "data_after_end": (after_the_end, 1, True),
    "job_changed": (another_job, 1, True),
    "json_syntax": (job(lambda _: b"{x"), 2, False),
    "json_duplicate_key": (job(lambda _: b'{"a":1,"a":1}'), 2, False),
    "json_too_deep": (job(lambda _: b"[" * 100 + b"]" * 100), 2, False),
    "json_field": (job(lambda r: r.changed_job(lambda found: found.pop("train"))), 2, False),
    "job_version": (job(lambda r: r.changed_job(lambda found: found.update(ginn="job/v9"))), 2,
                    False),
    "job_not_canonical": (job(lambda r: r.job + b" "), 2, False),
    "job_invalid": (
        job(lambda r: r.changed_job(lambda found: found["train"].update(batch=0))), 2, False),
    "bad_base64": (owners(lambda start: envelope(start, payload="*")), 1, True),
    "bad_signature_form": (owners(lambda start: envelope(start, signatures=[])), 1, True),
    "bad_key": (owners(lambda start: grant(start, KEY, verifierKey="ed25519:00")), 1, True),
    "bad_digest": (owners(lambda start: grant(start, KEY, jobDigest="sha256:00")), 1, True),
    "grant_type": (owners(lambda start: grant(start, KEY, "text/plain")), 1, True),
    "grant_form": (owners(lambda start: grant(start, KEY, life="0")), 1, True),
    "grant_signature": (owners(forged), 1, True),
    "grant_mismatch": (owners(lambda start: grant(start, KEY, life="2")), 1, True),
}
# Codes whose case is a test of its own below.
OWN_TESTS = {"accepted", "deviation", "dataset_size", "dataset_root_mismatch", "label_range",
             "stop_requested", "worker_disconnected", "frame_truncated", "frame_checksum",
             "frame_sequence", "peer_silent"}


class ClientTest(LabTest):
    recorded = None

    def setUp(self):
        super().setUp()
        self.address = f"unix:{self.dir}/socket"
        pixels, labels = pixels_and_labels()
        size = len(pixels) // len(labels)
        self.records = b"".join(bytes([label, 0]) + pixels[i * size:(i + 1) * size]
                                for i, label in enumerate(labels))
        self.job_file = self.job(model="mlp", verify="all")
        if ClientTest.recorded is None:
            ClientTest.recorded = self.record()

    def verifier(self, *arguments, records=None, out="v"):
        (self.dir / out).mkdir(exist_ok=True)
        (self.dir / "socket").unlink(missing_ok=True)
        (self.dir / "records.bin").write_bytes(self.records if records is None else records)
        return self.start("ginn-verifier", "--listen", self.address, "--out", self.dir / out,
                          "--records", self.dir / "records.bin", *arguments)

    def record(self):
        verifier = self.verifier(out="recorded")
        proxy = Proxy(self.dir / "proxy", self.address)
        self.ginn(0, "work", "--connect", f"unix:{self.dir}/proxy", self.job_file)
        self.assertEqual(proxy.join(LIMIT_SECONDS), [])
        self.assertEqual(verifier.wait(LIMIT_SECONDS), 0)
        model = (self.dir / "recorded" / "model.safetensors").read_bytes()
        return Recorded(proxy.to_verifier, hashlib.sha256(model).digest())

    def client(self):
        client = Client(self.address, LIMIT_SECONDS)
        self.addCleanup(lambda: client.socket.close())
        return client

    def ended(self, verifier, code):
        """The verifier's last line; expects its exit code."""
        error = verifier.communicate(timeout=LIMIT_SECONDS)[1]
        self.assertEqual(verifier.returncode, code, error)
        return error

    def accepted(self, out="v"):
        self.ginn(0, "verify", out, "--job", self.job_file, "--allow-simulated")
        model = (self.dir / out / "model.safetensors").read_bytes()
        self.assertEqual(hashlib.sha256(model).digest(), self.recorded.model)


class Honest(ClientTest):
    def test_accepted(self):
        verifier, client = self.verifier(), self.client()
        ready = client.handshake(self.recorded.job, KEY)
        self.assertEqual((ready.step, ready.microbatch), (0, 0))
        self.recorded.send(client)
        client.end()
        self.assertEqual(client.verdict()["code"], "accepted")
        self.ended(verifier, 0)
        self.accepted()

    def test_each_broken_line_goes_on_at_the_verifiers_position(self):
        """Whatever breaks a connection accuses nobody, and nothing is taken twice."""
        payload = self.recorded.contributions
        breaks = {
            "closed": lambda c, p: None,
            "half a frame": lambda c, p: c.send_bytes(frame(CONTRIBUTION, p, c.sequence)[:50]),
            "checksum": lambda c, p: c.send_bytes(frame(CONTRIBUTION, p, c.sequence)[:-1] + b"?"),
            "repeated": lambda c, p: c.send_bytes(frame(CONTRIBUTION, p, c.sequence - 1)),
        }
        verifier, taken, last = self.verifier(), 0, None
        for name, harm in breaks.items():
            client = self.client()
            ready = client.handshake(self.recorded.job, KEY, WANTS_STATE)
            at = 4 * ready.step + ready.microbatch
            self.assertEqual(at, taken, name)
            self.assertEqual(client.start["needsGrant"], taken == 0, name)
            self.assertEqual(bool(ready.weights), taken > 0, name)
            self.assertNotEqual(ready.weights, last, name)
            last = ready.weights or None
            self.recorded.send(client, taken, taken + 5)
            taken += 5
            harm(client, payload[taken])
            client.close_sending()
            self.assertIsNone(client.verdict(), name)
        client = self.client()
        client.handshake(self.recorded.job, KEY)
        self.recorded.send(client, taken)
        client.end()
        self.assertEqual(client.verdict()["code"], "accepted")
        self.ended(verifier, 0)
        self.accepted()


class Lies(ClientTest):
    def rejected(self, verifier, verdict, code, exit_code=1, signed=True):
        self.assertEqual(verdict["code"], code, verdict)
        self.assertIs(verdict["accepted"], False)
        self.assertIs(verdict["environment"], False)
        self.assertIn(code, self.ended(verifier, exit_code))
        found = {path.name for path in (self.dir / "v").iterdir()}
        self.assertFalse(found & {"certificate.json", "model.safetensors"}, code)
        self.assertEqual("rejection.json" in found, signed, code)
        for path in (self.dir / "v").iterdir():
            path.unlink()

    def test_each_lie_has_its_code(self):
        lies = [(code, *lie) for code, lie in LIES.items()] + MORE_LIES
        for number, (code, lie, exit_code, signed) in enumerate(lies):
            with self.subTest(code, number=number):
                verifier, client = self.verifier(), self.client()
                lie(client, self.recorded)
                client.close_sending()
                self.rejected(verifier, client.verdict(), code, exit_code, signed)

    def test_deviation(self):
        verifier, client = self.verifier(), self.client()
        contribution(off_by_one, at=9)(client, self.recorded)
        self.recorded.send(client, 10)
        client.end()
        self.rejected(verifier, client.verdict(), "deviation")

    def test_other_records(self):
        pixel = bytearray(self.records)
        pixel[100] ^= 1
        label = bytearray(self.records)
        label[0] = CLASSES
        for code, records in [("dataset_size", self.records[:-1]), ("label_range", bytes(label)),
                              ("dataset_root_mismatch", bytes(pixel))]:
            with self.subTest(code):
                verifier, client = self.verifier(records=records), self.client()
                client.send(HELLO, struct.pack("<HH", VERSION, 0))
                client.send(JOB, self.recorded.job)
                self.rejected(verifier, client.verdict(), code)


class Suspended(ClientTest):
    def suspended(self, verifier, code):
        self.assertIn(code, self.ended(verifier, 3))
        found = {path.name for path in (self.dir / "v").iterdir()}
        self.assertIn("checkpoint.sealed", found)
        self.assertFalse(found & {"certificate.json", "rejection.json"}, found)
        (self.dir / "v" / "checkpoint.sealed").unlink()

    def test_when_nobody_comes_back(self):
        taken = 5
        payload = self.recorded.contributions[taken]
        breaks = {
            "worker_disconnected": b"",
            "frame_truncated": frame(CONTRIBUTION, payload, taken + 3)[:50],
            "frame_checksum": frame(CONTRIBUTION, payload, taken + 3)[:-1] + b"?",
            "frame_sequence": frame(CONTRIBUTION, payload, taken + 4),
        }
        for code, sent in breaks.items():
            with self.subTest(code):
                verifier, client = self.verifier("--reconnect-seconds", 1), self.client()
                client.handshake(self.recorded.job, KEY)
                self.recorded.send(client, 0, taken)
                client.send_bytes(sent)
                client.close_sending()
                self.suspended(verifier, code)

    def test_silence(self):
        verifier = self.verifier("--reconnect-seconds", 1, "--silence-seconds", 1)
        client = self.client()
        client.handshake(self.recorded.job, KEY)
        client.send_bytes(frame(CONTRIBUTION, self.recorded.contributions[0], 3)[:50])
        self.suspended(verifier, "peer_silent")

    def test_stop_requested(self):
        verifier, client = self.verifier(), self.client()
        client.handshake(self.recorded.job, KEY)
        self.recorded.send(client, 0, 5)
        verifier.send_signal(signal.SIGINT)
        verdict = client.verdict()
        self.assertEqual(verdict["code"], "suspended")
        self.assertIs(verdict["environment"], True)
        self.suspended(verifier, "stop_requested")


def peaks(process):
    """Bytes of (address space, resident memory) at most so far; None once it has ended."""
    try:
        text = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return None
    found = [re.search(rf"^{name}:\s+(\d+) kB", text, re.M) for name in ("VmPeak", "VmHWM")]
    return [1024 * int(match[1]) for match in found] if all(found) else None


@unittest.skipIf(SANITIZED, "a sanitizer's shadow needs more address space than any limit")
class Memory(ClientTest):
    """Nothing that a peer sends makes the verifier larger than an honest run does."""

    def run_to_the_end(self, verifier, client, first=0):
        """Sends the rest; gives the largest address space and resident memory seen."""
        self.recorded.send(client, first)
        client.end()
        most = [0, 0]
        while verifier.poll() is None:
            most = [max(pair) for pair in zip(most, peaks(verifier) or most)]
            time.sleep(0.001)
        self.assertEqual(client.verdict()["code"], "accepted")
        self.assertEqual(verifier.returncode, 0)
        return most

    def honest(self):
        verifier, client = self.verifier(out="honest"), self.client()
        client.handshake(self.recorded.job, KEY)
        return self.run_to_the_end(verifier, client)

    def limited(self, space):
        verifier = self.verifier()
        resource.prlimit(verifier.pid, resource.RLIMIT_AS, (space, space))
        return verifier

    def test_every_lie_within_the_space_of_an_honest_run(self):
        space = self.honest()[0] + (1 << 20)
        wide = b"[" + b"0," * 32000 + b"0]"  # of a job frame's largest size, nearly
        lies = [(code, lie) for code, (lie, *_) in LIES.items()]
        lies += [(code, lie) for code, lie, *_ in MORE_LIES]
        lies += [("json_too_deep", job(lambda _: b"[" * 30 + b"{" * 60000)),
                 ("json_field", job(lambda _: wide))]
        for number, (code, lie) in enumerate(lies):
            with self.subTest(code, number=number):
                verifier, client = self.limited(space), self.client()
                lie(client, self.recorded)
                client.close_sending()
                self.assertEqual(client.verdict()["code"], code)
                verifier.communicate(timeout=LIMIT_SECONDS)
                for path in (self.dir / "v").iterdir():
                    path.unlink()

    def test_hundreds_of_broken_lines(self):
        space, resident = self.honest()
        verifier, taken = self.limited(space + (1 << 20)), 3
        client = self.client()
        client.handshake(self.recorded.job, KEY)
        self.recorded.send(client, 0, taken)
        for number in range(300):
            payload = self.recorded.contributions[taken]
            client.send_bytes(frame(CONTRIBUTION, payload, client.sequence)[:-1 - number])
            client.close_sending()
            self.assertIsNone(client.verdict())
            client.socket.close()
            client = self.client()
            ready = client.handshake(self.recorded.job, KEY, WANTS_STATE)
            self.assertEqual(4 * ready.step + ready.microbatch, taken)
        most = self.run_to_the_end(verifier, client, taken)
        print(f"resident at most: honest {resident >> 10} KiB, 300 broken lines {most[1] >> 10}")
        self.assertLess(most[1], resident + (4 << 20))


class Page(LabTest):
    def test_every_code_of_the_page_has_a_case(self):
        text = PAGE.read_text()
        text = text[text.index("## How a run ends"):text.index("## Memory of the verifier")]
        rows = re.findall(r"^\| (`[^|]*) \|", text, re.MULTILINE)
        codes = {code for row in rows for code in re.findall(r"`(\w+)`", row)}
        self.assertGreater(len(codes), 40)
        self.assertEqual(codes, set(LIES) | OWN_TESTS | set(NO_CASE))


if __name__ == "__main__":
    main()
