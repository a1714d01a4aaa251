"""HTTP and WebSocket by hand: subprotocol, Origin, Host, frames that are wrong or never end (survival item 19)."""
import os
import re
import socket
import struct
import time

from support.check import Failure, check, equal
from support.rtp import Media
from support.sip import Phone
from support.websocket import WebSocket


def http(port, data, seconds=5):
    s = socket.create_connection(("127.0.0.1", port), 5)
    s.settimeout(seconds)
    answer = b""
    try:
        s.sendall(data)
        while True:
            more = s.recv(65536)
            if not more:
                break
            answer += more
    except (socket.timeout, ConnectionResetError, BrokenPipeError):
        pass
    s.close()
    return answer


def alive(context):
    phone = Phone(context.server, web=WebSocket(context.server.http))
    equal(phone.ask("OPTIONS").status, 200, "OPTIONS over a WebSocket")
    phone.close()


def test_subprotocol(context):
    """RFC 7118 4: sip it is, or nothing."""
    good = WebSocket(context.server.http)
    equal(good.status, 101, "with sip")
    check(b"sec-websocket-protocol: sip" in good.head.lower(), "sip is not confirmed")
    several = WebSocket(context.server.http, protocol="chat, sip")
    equal(several.status, 101, "with chat and sip")
    for protocol in (None, "chat", "sips"):
        check(WebSocket(context.server.http, protocol=protocol).status in (400, 403, 426), f"{protocol} is let in")
    check(WebSocket(context.server.http, path="/other").status in (400, 403, 404), "another path")


def test_origin_and_host(context):
    port = context.server.http
    for origin in ("http://localhost:1234", "https://example.org", "null"):
        equal(WebSocket(port, origin=origin).status, 101, f"on loopback, from {origin}")
    for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example"):
        check(WebSocket(port, host=host).status in (400, 403, 421), f"Host {host} gets a WebSocket")
        answer = http(port, f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        check(answer.split(b" ")[1] in (b"400", b"403", b"421"), f"Host {host} gets {answer[:30]}")
    # Without guests there is no open webphone line, whose pages may come from everywhere.
    server = context.start(name="origins", top="guests = false", listeners='[[http]]\naddress = "127.0.0.1:0"\norigins = ["https://good.example"]\n[[sip]]\n'
                           'transport = "udp"\naddress = "127.0.0.1:0"\n')
    equal(WebSocket(server.http, origin="https://good.example").status, 101, "the origin named")
    equal(WebSocket(server.http, origin="https://bad.example").status, 403, "another origin")
    equal(WebSocket(server.http, origin=f"http://127.0.0.1:{server.http}").status, 101, "its own origin")
    server.stop()


def test_binary_frames(context):
    """A SIP message in a binary frame is as good (RFC 7118 5)."""
    web = WebSocket(context.server.http)
    phone = Phone(context.server, web=web)
    web.send_binary(phone.request("OPTIONS"))
    equal(phone.final("OPTIONS").status, 200, "OPTIONS in a binary frame")
    phone.close()


def test_fragments_and_pings(context):
    web = WebSocket(context.server.http)
    phone = Phone(context.server, web=web)
    data = phone.request("OPTIONS")
    web.raw(web.frame(1, data[:50], final=False) + web.frame(9, b"ping") + web.frame(0, data[50:80], final=False) + web.frame(0, data[80:]))
    equal(web.receive_frame(), (10, b"ping"), "the pong")
    equal(phone.final("OPTIONS").status, 200, "OPTIONS in three frames")
    web.raw(web.frame(8, struct.pack("!H", 1000)))
    equal(web.closed(), 1000, "its close")
    web.close()


def test_wrong_frames(context):
    wrong = {"unmasked": lambda w: w.frame(1, b"OPTIONS", masked=False), "reserved opcode": lambda w: w.frame(3, b"x"), "reserved bits": lambda w: bytes([0xf1, 0x80]) + b"\0" * 4,
             "long ping": lambda w: w.frame(9, b"x" * 200), "fragmented ping": lambda w: w.frame(9, b"x", final=False),
             "continuation of nothing": lambda w: w.frame(0, b"x"), "text that is no UTF-8": lambda w: w.frame(1, b"\xff\xfe"),
             "a frame of 2^62 bytes": lambda w: bytes([0x81, 0xff]) + struct.pack("!Q", 1 << 62) + b"abcd", "a frame of 100 MB": lambda w: bytes([0x81, 0xff]) + struct.pack("!Q", 100 << 20) + b"abcd"}
    for name, make in wrong.items():
        web = WebSocket(context.server.http)
        web.raw(make(web))
        code = web.closed(5)
        check(code is not False, f"{name} is borne")
        check(code in (0, 1002, 1007, 1009), f"{name} is closed with {code}")
        web.close()
    web = WebSocket(context.server.http)
    try:      # endless fragments
        for _ in range(200):
            web.raw(web.frame(1 if _ == 0 else 0, b"x" * 16384, final=False))
        check(web.closed(5) is not False, "3 MB in fragments are borne")
    except OSError:
        pass
    web.close()
    alive(context)


def test_bytes_that_are_no_text_cost_nobody_his_socket(context):
    """A.2: relayed to a page as a binary frame."""
    page = Phone(context.server, web=WebSocket(context.server.http))
    phone, media = Phone(context.server, "tcp"), Media()
    a, b = page.call("latin", media), phone.call("latin", media)
    for body in (b"\xff\xfe\xfd", b"Gr\xfc\xdfe", b"\xed\xa0\x80", b"\0\x80", b"cut \xf0\x9f\x98"):
        equal(b.text(body).status, 202, f"{body}")
        copy = page.requested("MESSAGE")
        equal((copy.body, page.web.opcode), (body, 2), "the copy and its frame")
        page.answer(copy, 200)
    # In headers too.
    phone.send(b.make("MESSAGE", body="hello", content_type="text/plain", headers=["Subject: x"], contact="").replace(b"From: <", b'From: "Gr\xfc\xdfe" <'))
    phone.final("MESSAGE")
    b.text("after")
    page.wait(lambda m: m.method == "MESSAGE" and m.body == b"after", 5, "the text after")
    equal(a.ask("OPTIONS").status, 200, "the page's call")
    a.bye(), b.bye()
    media.close()
    page.close()
    phone.close()


def test_slow_handshakes_and_huge_heads(context):
    port = context.server.http
    before = context.server.rss()
    slow = [socket.create_connection(("127.0.0.1", port), 5) for _ in range(150)]
    for s in slow:
        s.sendall(b"GET /ws HTTP/1.1\r\nHost: localhost\r\nX-")
    answer = http(port, b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 300000 + b"\r\n\r\n")
    check(not answer or answer.split(b" ")[1] in (b"400", b"413", b"431"), f"a head of 300 kB: {answer[:40]}")
    answer = http(port, b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\nx")
    check(not answer or answer[9:10] == b"4", f"a body of 100 GB: {answer[:40]}")
    answer = http(port, b"GET /../../../../etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    check(b"root:" not in answer and answer[9:10] == b"4", f"a path upwards: {answer[:40]}")
    for junk in (b"\x16\x03\x01\x02\0\x01\0", b"GET\r\n\r\n", b"\r\n" * 50, b"GET / HTTP/9.9\r\n\r\n", os.urandom(500), b"GET / HTTP/1.1\r\n\r\n"):
        http(port, junk, 0.3)
    for _ in range(3):
        for s in slow:
            s.send(b"a")
        alive(context)
    grown = context.server.rss() - before
    check(grown < 30000, f"150 slow connections cost {grown} kB")
    for s in slow:
        s.close()


def test_survival_item_21_pages_are_strict(context):
    """No script in a page but from files of its own origin; the one published program that needs more has no origin."""
    for path in ("/", "/livechat/", "/agent/", "/api/", "/examples/sdk-chat.html", "/widget.js", "/nothing", "/examples/ozeki-livechat/live_chat.html"):
        answer = http(context.server.http, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()).decode()
        head, _, body = answer.partition("\r\n\r\n")
        policy = next((line for line in head.split("\r\n") if line.lower().startswith("content-security-policy:")), "")
        check("default-src 'none'" in policy and "frame-ancestors 'none'" in policy, f"{path}: {policy or head}")
        check("x-content-type-options: nosniff" in head.lower(), f"{path}: no nosniff")
        if "ozeki" in path:
            check("sandbox allow-scripts" in policy and "allow-same-origin" not in policy, f"{path}: {policy}")
            continue
        check("unsafe" not in policy, f"{path}: {policy}")
        if "text/html" in head:
            check(not re.search(r"<script(?![^>]*\bsrc=)|<[^>]+\son[a-z]+\s*=|javascript:", body, re.I), f"{path}: script in the page")


def test_behind_a_reverse_proxy(context):
    """Limits and bans count for whom a trusted proxy names, and nothing that the client wrote itself."""
    tries = b'{"line": "alice", "password": "wrong"}'
    connect = lambda port, forwarded: http(port, f"POST /api/webphone/connect HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: {forwarded}\r\n"
                                           f"Content-Type: application/json\r\nContent-Length: {len(tries)}\r\nConnection: close\r\n\r\n".encode() + tries)
    get = lambda port, forwarded: http(port, f"GET /api/openapi.json HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: {forwarded}\r\nConnection: close\r\n\r\n".encode())[9:12]
    server = context.start(name="proxied", top='trusted_proxies = ["127.0.0.1"]')
    for _ in range(60):
        if connect(server.http, "198.51.100.9, 203.0.113.5")[9:12] != b"403" or get(server.http, "203.0.113.5") == b"403":
            break
    # Wrong passwords are 403, too: that it is banned shows in what else it asks for.
    equal(get(server.http, "203.0.113.5"), b"403", "who tried passwords")
    equal(get(server.http, "203.0.113.6, 203.0.113.5"), b"403", "the same, with a made-up address before its own")
    equal(get(server.http, "203.0.113.6"), b"200", "another")
    equal(get(server.http, "203.0.113.5, 203.0.113.6"), b"200", "another, with the banned address before its own")
    equal(get(server.http, "198.51.100.9"), b"200", "whom the first one named")
    check("203.0.113.5 is banned" in server.log_text(), "the log names the client")
    server.stop()
    # Nobody is believed by himself.
    server = context.start(name="unproxied")
    for _ in range(30):
        connect(server.http, "203.0.113.5")
    equal(get(server.http, "203.0.113.5"), b"200", "without trusted_proxies")
    check("is banned" not in server.log_text(), "a header of nobody's is believed")
    server.stop()
