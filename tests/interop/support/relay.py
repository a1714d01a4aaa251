"""A bad network between one phone and a server: loses UDP packets by a seed, and writes down which."""
import random
import selectors
import socket
import threading
import time

from .sip import Message

MOST = 2   # copies of one message that are lost in a row: RFC 3261's timers carry a call through more, sipp's five retransmissions don't


def kind(data):
    """"INVITE", "200 INVITE": what copies of one message have in common, whatever their tags and numbers are."""
    try:
        message = Message(data)
        return message.method or f"{message.status} {message.cseq[1]}"
    except (ValueError, IndexError):
        return "?"


class Relay:
    """The phone sends to `udp`, as if that were the server's port, and is known to the server by `port`. `phone`: where it listens; none: where
    its first packet comes from. What is lost depends on the seed, the way, the kind of message and how many of it went that way before, so not on
    how fast the machine is. `record`: (seconds, way, kind, lost)."""

    def __init__(self, server, seed, phone=None, loss=0.25):
        self.seed, self.loss, self.phone = seed, loss, phone
        self.record, self.sent, self.in_a_row = [], {}, {}
        self.inner, self.outer = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for one in (self.inner, self.outer):
            one.bind(("127.0.0.1", 0))
        self.udp, self.port = self.inner.getsockname()[1], self.outer.getsockname()[1]
        self.tcp, self.server = 0, ("127.0.0.1", server.udp)
        self.began, self.running = time.monotonic(), True
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def close(self):
        self.running = False
        self.thread.join(2)
        self.inner.close()
        self.outer.close()

    def lost(self):
        return sum(lost for *_, lost in self.record)

    def story(self):
        return f"relay of seed {self.seed}: " + ", ".join(f"{at:.1f} s {way} {what}{' LOST' if lost else ''}" for at, way, what, lost in self.record)

    def _run(self):
        with selectors.DefaultSelector() as selector:
            for one in (self.inner, self.outer):
                selector.register(one, selectors.EVENT_READ)
            while self.running:
                for key, _ in selector.select(0.1):
                    try:
                        data, source = key.fileobj.recvfrom(65536)
                        self._carry(data, source, key.fileobj is self.inner)
                    except OSError:   # who is gone says so by ICMP
                        continue

    def _carry(self, data, source, to_server):
        if to_server:
            self.phone = source
        way, what = "->" if to_server else "<-", kind(data)
        self.sent[way, what] = number = self.sent.get((way, what), 0) + 1
        lost = random.Random(f"{self.seed} {way} {what} {number}").random() < self.loss and self.in_a_row.get((way, what), 0) < MOST
        self.in_a_row[way, what] = self.in_a_row.get((way, what), 0) + 1 if lost else 0
        self.record.append((time.monotonic() - self.began, way, what, lost))
        if lost or not self.phone:
            return
        (self.outer if to_server else self.inner).sendto(data, self.server if to_server else self.phone)
