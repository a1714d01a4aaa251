"""Floods, broken connections and strangers' media, while a call goes on (survival items 7, 8, 16 to 18)."""
import os
import random
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

from support import audio
from support.check import check, equal, eventually
from support.rtp import Media
from support.sip import Phone, token

FLOOD = Path(__file__).resolve().parents[1] / "support" / "flood.py"


class Call:
    """Two phones that speak in a room; good() says whether they still hear each other."""

    def __init__(self, server, room):
        self.phones = [Phone(server), Phone(server, "tcp")]
        self.tones = [440, 1000]
        self.media = [Media(t) for t in self.tones]
        self.dialogs = [p.call(room, m) for p, m in zip(self.phones, self.media)]
        for d, m in zip(self.dialogs, self.media):
            m.send_to(d.remote_media)
        time.sleep(1)
        self.began = time.monotonic()

    def good(self, when, gap=0.5):
        for i in (0, 1):
            check(self.media[i].longest_gap(self.began) < gap, f"{when}: {self.media[i].longest_gap(self.began):.2f} s without audio")
            level = audio.amplitude(self.media[i].heard(0.5), self.tones[1 - i])
            check(level > 2000, f"{when}: the other is heard with {level:.0f}")
            equal(self.dialogs[i].ask_again("OPTIONS").status, 200, f"{when}: OPTIONS in the call")

    def close(self):
        for d, p, m in zip(self.dialogs, self.phones, self.media):
            d.bye()
            m.close()
            p.close()


def test_floods_by_udp(context):
    """4,000 a second of each kind (INVITE 1,000: each takes ports of this machine), for two seconds each: audio goes on, memory
    stays bounded."""
    server = context.start(name="flooded")
    try:
        flood_all(server)
    finally:
        server.kill()


def flood_all(server):
    call = Call(server, "quiet")
    for kind in ("garbage", "mutated", "OPTIONS", "REGISTER", "MESSAGE", "SUBSCRIBE", "PUBLISH", "REFER", "INVITE"):
        call.began = time.monotonic()
        flood = subprocess.run([sys.executable, str(FLOOD), kind, str(server.udp), "2"], capture_output=True, text=True, timeout=30)
        check(int(flood.stdout) > 1000, f"the flood of {kind} was weak: {flood.stdout}")
        call.good(f"flood of {kind}")
        check(server.rss() < 400000, f"flood of {kind}: {server.rss() // 1024} MB")
    call.close()


def test_survival_item_7_flood_of_webphones(context):
    """Pages that connect and never come, and bearers that are guessed: a line has its limit, a call keeps its audio."""
    server = context.start(name="flooded-webphones")
    call = Call(server, "quiet")
    body = b'{"line":"Webphone1","who":{"displayName":"' + b"x" * 500 + b'","a":"' + b"y" * 3000 + b'"}}'
    connect = b"POST /api/webphone/connect HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    guess = b"GET /api/webphone/history HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer alice.%d\r\n\r\n"
    statuses = {}
    s = socket.create_connection(("127.0.0.1", server.http), 5)
    answers = s.makefile("rb")
    for n in range(6000):
        s.sendall(connect if n < 5500 else guess % n)
        status = int(answers.readline().split()[1])
        length = 0
        while (line := answers.readline().strip()):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        answers.read(length)
        statuses[status] = statuses.get(status, 0) + 1
    s.close()
    equal(statuses, {200: 5000, 503: 500, 401: 500}, "answers")
    call.good("flood of webphones")
    check(server.rss() < 400000, f"flood of webphones: {server.rss() // 1024} MB")
    call.close()
    server.kill()


def test_second_flood_costs_no_more(context):
    """What the first one left is used again."""
    server = context.start(name="flooded-twice")
    sizes = []
    for _ in range(3):
        subprocess.run([sys.executable, str(FLOOD), "REGISTER", str(server.udp), "2"], capture_output=True, timeout=30)
        time.sleep(0.3)
        sizes.append(server.rss())
    # Transactions live for 32 s (timer J): they are bounded by number, not by time.
    check(sizes[2] < 300000, f"memory grows: {sizes}")
    server.kill()


def test_connections_that_break(context):
    """Resets in the middle of transactions and of messages; half-open connections."""
    server = context.server
    call = Call(server, "breaks")
    media = Media()
    before = server.rss()
    for i in range(200):
        phone = Phone(server, ("tcp", "tls")[i % 10 == 0])
        invite = phone.request("INVITE", f"sip:broken{i % 7}@127.0.0.1", body=media.sdp(), content_type="application/sdp")
        phone.send(invite[:random.randrange(1, len(invite))] if i % 3 else invite)
        if i % 3 == 0 and i % 2:
            phone.final("INVITE")
        phone.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        phone.close()
    half = [socket.create_connection(("127.0.0.1", server.tcp), 5) for _ in range(300)]
    for s in half:
        s.sendall(b"INVITE sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=")
    call.good("broken connections")
    check(server.rss() - before < 60000, f"they cost {server.rss() - before} kB")
    for s in half:
        s.close()
    call.good("after they closed")
    media.close()
    call.close()


def test_oversized(context):
    server = context.server
    call = Call(server, "sizes")
    before = server.rss()
    for transport in ("tcp", "tls"):
        for pad in ("X: " + "y" * 300000, "\r\n".join(f"X{i}: y" for i in range(20000)), "Via: SIP/2.0/TCP x" + ",SIP/2.0/TCP x" * 20000):
            phone = Phone(server, transport)
            try:
                phone.send(phone.request("OPTIONS", headers=[pad]))
                answer = phone.final("OPTIONS", 3)
                check(answer.status >= 400, f"300 kB of headers: {answer}")
            except Exception as why:
                check(any(w in str(why).lower() for w in ("closed", "reset", "pipe", "eof")), f"300 kB of headers: {why}")
            phone.close()
    phone = Phone(server, "tcp")
    phone.send(b"OPTIONS sip:x SIP/2.0\r\nContent-Length: 4000000000\r\n\r\n")
    try:
        for _ in range(300):
            phone.send(b"z" * 65536)
    except OSError:
        pass
    phone.close()
    phone = Phone(server)
    phone.send(phone.request("OPTIONS", headers=["X: " + "y" * 60000]))
    phone.close()
    call.good("oversized messages")
    check(server.rss() - before < 40000, f"they cost {server.rss() - before} kB")
    call.close()


def test_strangers_media_is_never_heard(context):
    """RTP bleed (survival item 17): after the source was learnt, packets from elsewhere reach nobody."""
    call = Call(context.server, "bleed")
    strangers = [Media(1800), Media(1800, "127.0.0.2")]
    for stranger in strangers:
        for dialog in call.dialogs:
            stranger.target = None
            stranger.send_to(dialog.remote_media)
    time.sleep(2)
    for media, own in zip(call.media, call.tones):
        level = audio.amplitude(media.heard(1), 1800)
        check(level < 200, f"a stranger is heard with {level:.0f}")
    for stranger in strangers:
        check(not stranger.packets, "a stranger gets the mix")
    call.good("strangers' media")
    for stranger in strangers:
        stranger.close()
    call.close()


def test_stranger_comes_first(context):
    """The signalled address is taken rather than whoever sends before it."""
    server = context.server
    phones, media, stranger = [Phone(server), Phone(server)], [Media(440), Media(1000)], Media(1800, "127.0.0.2")
    a = phones[0].call("first", media[0])
    stranger.send_to(a.remote_media)
    time.sleep(0.5)
    b = phones[1].call("first", media[1])
    media[1].send_to(b.remote_media)
    media[0].send_to(a.remote_media)
    time.sleep(2)
    samples = media[1].heard(0.8)
    check(audio.amplitude(samples, 1800) < 200, f"the stranger is heard with {audio.amplitude(samples, 1800):.0f}")
    check(audio.amplitude(samples, 440) > 2000, "the phone is not heard")
    check(audio.amplitude(media[0].heard(0.8), 1000) > 2000, "the phone hears nothing")
    check(len(stranger.packets) < 60, f"the stranger got {len(stranger.packets)} packets")
    a.bye(), b.bye()
    for m in (*media, stranger):
        m.close()
    for p in phones:
        p.close()


def test_garbage_as_media(context):
    """Survival items 16 and 18: RTP and RTCP of any shape, from the peer's own address."""
    call = Call(context.server, "garbage")
    for dialog, media in zip(call.dialogs, call.media):
        host, port = dialog.remote_media
        for i in range(1500):
            data = bytearray(os.urandom(random.choice((0, 1, 3, 11, 12, 13, 20, 172, 1400))))
            if data and i % 2:
                data[0] = random.choice((0x80, 0x90, 0xa0, 0x8f, 0xbf))
                if len(data) > 1:
                    data[1] = random.choice((0, 0x80, 13, 96, 101, 200, 201, 205, 206, 207))
            media.socket.sendto(bytes(data), (host, port))
            media.rtcp.sendto(bytes(data), (host, port + 1))
            if i % 100 == 0:
                time.sleep(0.02)
    time.sleep(2.5)
    call.good("after garbage", gap=1)
    call.close()


def test_one_vanishes(context):
    """A TCP phone whose connection is reset is out of the room in 15 s, and the others are told (issue 2, item 15)."""
    server = context.server
    watcher, media = Phone(server), Media()
    dialog = watcher.call("vanish", media, headers=["Accept: application/sdp, application/x-asterisk-confbridge-event+json"])
    watcher.answer(watcher.requested("MESSAGE"), 200)
    gone, other = Phone(server, "tcp"), Media()
    call = gone.call("vanish", other)
    joined = watcher.requested("MESSAGE")
    watcher.answer(joined, 200)
    gone.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    gone.close()
    other.close()
    left = watcher.requested("MESSAGE", 15)
    watcher.answer(left, 200)
    check(b"ConfbridgeLeave" in left.body and b"connection lost" in left.body, f"event: {left.body[:60]}")
    dialog.bye()
    media.close()
    watcher.close()


test_one_vanishes.waits = True
