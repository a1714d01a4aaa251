"""What tests say when something is not as it should be."""
import collections
import random
import socket
import time


class Failure(Exception):
    pass


class Skip(Exception):
    """A tool that is not there."""


def check(condition, why):
    if not condition:
        raise Failure(why)


def equal(got, wanted, what):
    if got != wanted:
        raise Failure(f"{what}: {got!r}, expected {wanted!r}")


def eventually(condition, seconds, why):
    """What `condition` returns as soon as that is true."""
    end = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise Failure(why() if callable(why) else why)
        time.sleep(0.02)


def free_port(kind=socket.SOCK_DGRAM):
    """A port that nobody had a moment ago."""
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# One socket for each block of ports that was given away lately: it says so to those who look for one, in other runs of these tests too.
_guards = collections.deque(maxlen=100)
BLOCK = 32


def free_media_ports(count=15):
    """The first of so many UDP and TCP ports in a row (sipp wants four for audio and video). Below those that the system gives to whoever asks, and
    nobody else's for some time: phones that start side by side have not bound theirs yet."""
    for _ in range(400):
        first = random.randrange(10000, 30000, BLOCK)
        guard = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sockets = [socket.socket(socket.AF_INET, kind) for _ in range(count) for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM)]
        try:
            guard.bind(("127.0.0.1", first + BLOCK - 1))
            for i, s in enumerate(sockets):
                s.bind(("127.0.0.1", first + i // 2))
            _guards.append(guard)   # the oldest is closed by that
            return first
        except OSError:
            guard.close()
            continue
        finally:
            for s in sockets:
                s.close()
    raise Failure("no free ports")
