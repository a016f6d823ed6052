"""A proxy between a worker and a verifier which records what they say to each other.

It takes every frame apart and makes it anew, with a sequence and checksums of its own: that the run
goes well shows that both programs frame as docs/protocol.md says, in both directions.
"""

import socket
import threading

from protocol_client import (ANY_SIZE, CONTRIBUTION, STATE, TO_VERIFIER, TO_WORKER, Receiver,
                             connect, frame)


class Proxy:
    """Takes one connection at the Unix socket `path` and passes it on to `address`."""

    def __init__(self, path, address):
        self.path, self.address = path, address
        self.to_verifier, self.to_worker = [], []  # (type, payload) in order
        self.faults = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        worker = self.listener.accept()[0]
        verifier = connect(self.address, seconds=30)
        there = threading.Thread(target=self.pump, daemon=True, args=(
            worker, verifier, TO_VERIFIER | {CONTRIBUTION: ANY_SIZE}, self.to_verifier))
        there.start()
        self.pump(verifier, worker, TO_WORKER | {STATE: ANY_SIZE}, self.to_worker)
        there.join()
        for connection in [worker, verifier, self.listener]:
            connection.close()

    def pump(self, source, target, limits, record):
        """Passes frames on until the end of the stream, which it passes on too."""
        receiver = Receiver(limits)
        try:
            while data := source.recv(1 << 16):
                receiver.add(data)
                while found := receiver.next():
                    target.sendall(frame(*found, sequence=len(record)))
                    record.append(found)
            receiver.end()
            target.shutdown(socket.SHUT_WR)
        except Exception as error:  # to be shown by the test, whose thread this is not
            self.faults.append(error)

    def join(self, seconds):
        """Waits for the end of the connection and gives what went wrong."""
        self.thread.join(seconds)
        return self.faults + (["the connection is still open"] if self.thread.is_alive() else [])
