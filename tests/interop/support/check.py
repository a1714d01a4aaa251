"""What tests say when something is not as it should be."""
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


def free_port(kind=socket.SOCK_DGRAM, pair=False):
    """A port that nobody had a moment ago; with `pair`, an even one whose successor is free too (RTP, RTCP)."""
    for _ in range(200):
        with socket.socket(socket.AF_INET, kind) as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
            if not pair:
                return port
            if port % 2:
                continue
            with socket.socket(socket.AF_INET, kind) as t:
                try:
                    t.bind(("127.0.0.1", port + 1))
                    return port
                except OSError:
                    continue
    raise Failure("no free port")
