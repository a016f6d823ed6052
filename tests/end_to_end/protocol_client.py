"""A small client of the wire protocol, written from docs/protocol.md and the pages that it names.

It shares nothing with the programs, so that what it and they agree on is what the pages say. It
computes no gradient: contributions come from whoever uses it, and it sends whatever it is told,
honest or not. Frames that arrive are checked as the page says a verifier checks them.

    client = Client("unix:/run/socket")
    ready = client.handshake(job, key)        # hello, job, start, grant, ready, state
    client.contribute(0, 0, encoding)         # and so on, from ready.step, ready.microbatch
    client.end()
    print(client.verdict())
"""

import base64
import dataclasses
import functools
import hashlib
import json
import select
import socket
import struct
import time

VERSION = 3
WANTS_STATE = 1  # bit 0 of hello's flags
HELLO, JOB, GRANT, CONTRIBUTION, END = 1, 2, 3, 4, 5
START, READY, STATUS, VERDICT, STATE = 64, 65, 66, 67, 68
TO_WORKER = {START: 65536, READY: 12, STATUS: 24, VERDICT: 65536}  # limits; state's is the job's
TO_VERIFIER = {HELLO: 4, JOB: 65536, GRANT: 8192, END: 0}  # contribution's is the job's
HEADER = struct.Struct("<IB3sIII")  # length, type, zero, sequence, CRC of payload, CRC of these
GRANT_TYPE = "application/vnd.ginn.grant.v1+json"
ANY_SIZE = 1 << 30


class ProtocolError(Exception):
    """What arrived is not what the page says; `code` is the page's name for it."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code


# --- frames ---


def crc_table():
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        yield byte


CRC_TABLE = tuple(crc_table())


@functools.lru_cache(maxsize=1024)
def crc32c(data):
    """CRC-32C as in RFC 3720: reflected, all bits inverted before and after."""
    crc, table = 0xFFFFFFFF, CRC_TABLE
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def frame(kind, payload, sequence, reserved=bytes(3), length=None):
    """The bytes of a frame; `reserved` and `length` are for those who want to send a wrong one."""
    length = len(payload) if length is None else length
    start = HEADER.pack(length, kind, reserved, sequence, crc32c(payload), 0)[:16]
    return start + struct.pack("<I", crc32c(start)) + payload


def check_header(data, sequence, limits):
    """Checks 20 bytes in the page's order and gives (type, length, checksum of the payload)."""
    length, kind, reserved, number, payload_crc, header_crc = HEADER.unpack(data)
    if header_crc != crc32c(bytes(data[:16])):
        raise ProtocolError("frame_checksum", "of a header")
    if number != sequence:
        raise ProtocolError("frame_sequence", f"{number} found, {sequence} expected")
    if reserved != bytes(3):
        raise ProtocolError("frame_reserved", reserved.hex())
    if kind not in limits:
        raise ProtocolError("frame_type", f"{kind}")
    if length > limits[kind]:
        raise ProtocolError("frame_length", f"{length} of type {kind}")
    return kind, length, payload_crc


class Receiver:
    """One direction of a connection: bytes in, whole frames out."""

    def __init__(self, limits):
        self.limits, self.buffer, self.sequence = limits, bytearray(), 0

    def add(self, data):
        self.buffer += data

    def next(self):
        """(type, payload) of the next frame, or None as long as it is not whole."""
        if len(self.buffer) < HEADER.size:
            return None
        kind, length, crc = check_header(self.buffer[:HEADER.size], self.sequence, self.limits)
        whole = HEADER.size + length
        if len(self.buffer) < whole:
            return None
        payload = bytes(self.buffer[HEADER.size:whole])
        if crc32c(payload) != crc:
            raise ProtocolError("frame_checksum", f"of the payload of type {kind}")
        del self.buffer[:whole]
        self.sequence += 1
        return kind, payload

    def end(self):
        """The stream is over, which is good between two frames only."""
        if self.buffer:
            raise ProtocolError("frame_truncated", f"{len(self.buffer)} bytes of a frame")


# --- documents ---


def canonical(value):
    """RFC 8785 of what jobs and grants hold: ASCII, and numbers from 1e-4 to 1e15."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")


def dsse(payload_type, payload, key):
    """A DSSE envelope with one signature by `key` over the payload and its type."""
    kind = payload_type.encode()
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    signature = {"keyid": hashlib.sha256(key.public).hexdigest(),
                 "sig": base64.b64encode(key.sign(signed)).decode()}
    return canonical({"payload": base64.b64encode(payload).decode(), "payloadType": payload_type,
                      "signatures": [signature]})


def grant(start, key, payload_type=GRANT_TYPE, **changes):
    """The owner's grant for a start, signed locally as the host that trains may do."""
    fields = {name: start[name]
              for name in ["nonce", "jobDigest", "verifierKey", "life", "checkpoint"]}
    fields |= {"ownerKey": "ed25519:" + key.public.hex(), "local": True} | changes
    return dsse(payload_type, canonical(fields), key)


# --- a connection ---


def open_socket(address):
    kind, _, rest = address.partition(":")
    if kind == "unix":
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(rest)
        except OSError:
            connection.close()
            raise
        return connection
    host, _, port = rest.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)))


def connect(address, seconds):
    """Connects as soon as somebody listens."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return open_socket(address)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


@dataclasses.dataclass
class Ready:
    step: int
    microbatch: int
    weights: tuple = ()  # those of the state frame, where it was asked for and sent
    velocities: tuple = ()


class Client:
    """A connection to a verifier. `seconds` is the longest wait for anything."""

    def __init__(self, address, seconds=30):
        self.address, self.seconds = address, seconds
        self.receiver = Receiver(TO_WORKER | {STATE: ANY_SIZE})
        self.sequence = 0  # of the next frame that is sent
        self.open = True  # false once the verifier has closed
        self.start = None  # what the start frame said
        self.statuses = []
        self.socket = connect(address, seconds)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    # Sending. A verdict may come at any time: when nobody takes what is sent, it says why.

    def send_bytes(self, data):
        """Sends all of it, taking in what comes meanwhile: neither side waits for the other."""
        view = memoryview(data)
        self.socket.setblocking(False)
        try:
            while view and self.open:
                reads, writes, _ = select.select([self.socket], [self.socket], [], self.seconds)
                if not reads and not writes:
                    raise TimeoutError("the verifier takes nothing")
                if reads:
                    self.take()
                elif writes:
                    view = view[self.socket.send(view):]
        except (BrokenPipeError, ConnectionResetError):
            self.open = False

    def send(self, kind, payload=b"", **wrong):
        self.send_bytes(frame(kind, payload, self.sequence, **wrong))
        self.sequence += 1

    def contribute(self, step, microbatch, encoding, zero=0):
        self.send(CONTRIBUTION, struct.pack("<QII", step, microbatch, zero) + encoding)

    def end(self):
        self.send(END)
        self.close_sending()

    def close_sending(self):
        if self.open:
            self.socket.shutdown(socket.SHUT_WR)

    # Receiving.

    def take(self):
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        self.receiver.add(data)
        self.open = self.open and bool(data)

    def receive(self):
        """The next frame but status frames, which are kept; (None, b"") at the end."""
        self.socket.settimeout(self.seconds)
        while True:
            while (found := self.receiver.next()) is not None:
                if found[0] != STATUS:
                    return found
                self.statuses.append(struct.unpack("<QQQ", found[1]))
            if not self.open:
                self.receiver.end()
                return None, b""
            self.take()

    def expect(self, kind):
        found, payload = self.receive()
        if found != kind:
            raise ProtocolError("frame_order", f"type {found} found, {kind} expected: {payload}")
        return payload

    def verdict(self):
        """The last frame, and that nothing follows it; None if the stream ends without one."""
        kind, payload = self.receive()
        if kind is None:
            return None
        if kind != VERDICT or self.receive() != (None, b""):
            raise ProtocolError("frame_order", f"type {kind}, or a frame after the verdict")
        return json.loads(payload)

    # The beginning of a connection.

    def introduce(self, job, flags=0, version=VERSION):
        """hello and job, and what the verifier says to them."""
        self.send(HELLO, struct.pack("<HH", version, flags))
        self.send(JOB, job)
        self.start = json.loads(self.expect(START))
        return self.start

    def handshake(self, job, key, flags=0):
        """Everything before the first contribution; `key` signs the grant."""
        start = self.introduce(job, flags)
        if start["needsGrant"]:
            self.send(GRANT, grant(start, key))
        ready = Ready(*struct.unpack("<QI", self.expect(READY)))
        if flags & WANTS_STATE and (ready.step, ready.microbatch) != (0, 0):
            state = self.expect(STATE)
            half = len(state) // 8
            numbers = struct.unpack(f"<{2 * half}f", state)
            ready.weights, ready.velocities = numbers[:half], numbers[half:]
        return ready
