"""What tests say when something is not as it should be."""
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


_given = set()   # by free_media_ports(): phones that start side by side have not bound theirs yet


def free_media_ports(count=4):
    """The first of so many UDP ports in a row (sipp wants four for audio and video). Below those that the system gives to whoever asks. No two
    calls give the same."""
    for _ in range(200):
        first = random.randrange(10000, 30000, 16)
        if first in _given:
            continue
        _given.add(first)
        sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
        try:
            for i, s in enumerate(sockets):
                s.bind(("127.0.0.1", first + i))
            return first
        except OSError:
            continue
        finally:
            for s in sockets:
                s.close()
    raise Failure("no free ports")
