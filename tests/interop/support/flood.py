"""Floods from a process of their own: python3 flood.py KIND PORT SECONDS."""
import os
import random
import socket
import sys
import time


def text(method, n, body=b"", kind="application/sdp", target="flood"):
    return (f"{method} sip:{target}@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bK{n}x{os.getpid()}\r\nMax-Forwards: 70\r\n"
            f"From: <sip:f{n}@127.0.0.1>;tag={n}\r\nTo: <sip:{target}@127.0.0.1>\r\nCall-ID: f{n}x{os.getpid()}\r\nCSeq: 1 {method}\r\n"
            f"Contact: <sip:f@127.0.0.1:9>\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body


def main(kind, port, seconds):
    sdp = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect(("127.0.0.1", port))
    end, n = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        for _ in range(20):
            n += 1
            if kind == "garbage":
                data = random.randbytes(random.choice((0, 1, 4, 20, 500, 1400, 9000)))
            elif kind == "mutated":
                whole = bytearray(text("INVITE", n, sdp))
                for _ in range(random.randrange(1, 9)):
                    whole[random.randrange(len(whole))] = random.randrange(256)
                data = bytes(whole)
            elif kind == "INVITE":
                data = text("INVITE", n, sdp, target=f"flood{n % 50}")
            else:
                data = text(kind, n, b"x" * 1000 if kind == "MESSAGE" else b"", "text/plain")
            try:
                s.send(data)
            except OSError:
                pass
        time.sleep(0.02 if kind == "INVITE" else 0.004)          # some 1,000 or 4,000 a second
    print(n)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
