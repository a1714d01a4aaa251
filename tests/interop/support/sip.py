"""A small SIP phone for what sipp can't say: it sends any bytes and reads answers, over UDP, TCP, TLS or a WebSocket."""
import hashlib
import random
import re
import socket
import ssl
import string
import time

from .check import Failure, check, equal


def token(n=10):
    return "".join(random.choices(string.ascii_lowercase + string.digits, k=n))


class Message:
    def __init__(self, raw):
        head, _, self.body = raw.partition(b"\r\n\r\n")
        self.raw = raw
        self.lines = head.decode("utf-8", "replace").split("\r\n")
        self.start = self.lines[0]
        parts = self.start.split(" ", 2)
        self.status = int(parts[1]) if self.start.startswith("SIP/2.0") else 0
        self.method = "" if self.status else parts[0]

    def all(self, name):
        return [l.split(":", 1)[1].strip() for l in self.lines[1:] if l.split(":", 1)[0].strip().lower() == name.lower()]

    def get(self, name):
        return (self.all(name) or [""])[0]

    @property
    def cseq(self):
        number, method = self.get("CSeq").split()
        return int(number), method

    def contact(self):
        found = re.search(r"<([^>]+)>", self.get("Contact"))
        return found[1] if found else self.get("Contact")

    def tag(self, name="To"):
        found = re.search(r";tag=([^;\s]+)", self.get(name))
        return found[1] if found else ""

    def media(self):
        """Address of the first m-line's RTP."""
        text = self.body.decode()
        address = re.search(r"^c=IN IP[46] (\S+)", text, re.M)[1]
        return address, int(re.search(r"^m=audio (\d+)", text, re.M)[1])

    def __repr__(self):
        return self.start


class Phone:
    """transport: udp, tcp, tls, or an open WebSocket (support.websocket)."""

    def __init__(self, server, transport="udp", user=None, web=None):
        self.server, self.transport, self.web = server, transport, web
        self.user = user or "guest" + token(4)
        self.inbox, self.buffer = [], b""
        if web:
            self.transport, self.port, self.remote = "ws", 0, 0
        elif transport == "udp":
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.bind(("127.0.0.1", 0))
            self.remote = server.udp
            self.socket.connect(("127.0.0.1", self.remote))
        else:
            self.remote = server.tls if transport == "tls" else server.tcp
            self.socket = socket.create_connection(("127.0.0.1", self.remote), 5)
            if transport == "tls":
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
                self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        if not web:
            self.port = self.socket.getsockname()[1]
        self.calls = 0

    def close(self):
        (self.web or self.socket).close()

    # Writing.
    def send(self, data):
        data = data if isinstance(data, bytes) else data.encode()
        if self.web:
            try:
                data.decode()
                self.web.send_text(data)
            except UnicodeDecodeError:
                self.web.send_binary(data)
        elif self.transport == "udp":
            self.socket.send(data)
        else:
            self.socket.sendall(data)

    def via(self):
        host = f"{token()}.invalid" if self.web else f"127.0.0.1:{self.port}"
        return f"SIP/2.0/{self.transport.upper()} {host};rport;branch=z9hG4bK{token(16)}"

    def contact(self):
        if self.web:
            return f"sip:{self.user}@{self.user}.invalid;transport=ws"
        return f"sip:{self.user}@127.0.0.1:{self.port}" + ("" if self.transport == "udp" else f";transport={self.transport}")

    def request(self, method, uri=None, to=None, headers=(), body=b"", content_type=None, call_id=None, cseq=1,
                from_tag=None, user=None, contact=None, via=None, display=None):
        uri = uri or "sip:127.0.0.1"
        body = body if isinstance(body, bytes) else body.encode()
        name = f'"{display}" ' if display else ""
        lines = [f"{method} {uri} SIP/2.0", f"Via: {via or self.via()}", "Max-Forwards: 70",
                 f"From: {name}<sip:{user or self.user}@127.0.0.1>;tag={from_tag or token()}", f"To: {to or '<' + uri + '>'}",
                 f"Call-ID: {call_id or token(16)}", f"CSeq: {cseq} {method}"]
        if contact != "":
            lines.append(f"Contact: {contact or '<' + self.contact() + '>'}")
        lines += headers
        if content_type:
            lines.append(f"Content-Type: {content_type}")
        lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    def answer(self, request, status, reason="OK", body=b"", headers=()):
        body = body if isinstance(body, bytes) else body.encode()
        lines = [f"SIP/2.0 {status} {reason}"] + [f"Via: {v}" for v in request.all("Via")]
        lines += [f"Record-Route: {v}" for v in request.all("Record-Route")]
        to = request.get("To")
        if not request.tag() and status > 100:
            to += f";tag={self.user}tag"
        lines += [f"From: {request.get('From')}", f"To: {to}", f"Call-ID: {request.get('Call-ID')}", f"CSeq: {request.get('CSeq')}"]
        lines += [f"Contact: <{self.contact()}>", *headers]
        if body:
            lines.append("Content-Type: application/sdp")
        lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    # Reading.
    def _read(self, seconds):
        if self.web:
            raw = self.web.receive(seconds)
            return [Message(raw)] if raw else []
        self.socket.settimeout(max(seconds, 0.001))
        try:
            data = self.socket.recv(65536)
        except (socket.timeout, ssl.SSLWantReadError):
            return []
        except ConnectionRefusedError:
            return []
        if self.transport == "udp":
            return [Message(data)]
        if not data:
            raise Failure("the server closed the connection")
        self.buffer += data
        found = []
        while True:
            self.buffer = self.buffer.lstrip(b"\r\n")
            head, mark, rest = self.buffer.partition(b"\r\n\r\n")
            if not mark:
                return found
            length = re.search(rb"^(?:content-length|l)\s*:\s*(\d+)", head, re.I | re.M)
            size = int(length[1]) if length else 0
            if len(rest) < size:
                return found
            found.append(Message(head + mark + rest[:size]))
            self.buffer = rest[size:]

    def wait(self, wanted, seconds=5, what="a message"):
        """The first message that `wanted` is true for; others are kept for later."""
        end = time.monotonic() + seconds
        while True:
            for i, message in enumerate(self.inbox):
                if wanted(message):
                    return self.inbox.pop(i)
            left = end - time.monotonic()
            if left <= 0:
                raise Failure(f"{self.user} waited for {what}, has {[str(m) for m in self.inbox]}")
            self.inbox += self._read(left)

    def final(self, method="", seconds=5):
        return self.wait(lambda m: m.status >= 200 and (not method or m.cseq[1] == method), seconds, f"an answer to {method}")

    def requested(self, method, seconds=5):
        return self.wait(lambda m: m.method == method, seconds, method)

    def nothing(self, wanted, seconds, what):
        try:
            got = self.wait(wanted, seconds)
        except Failure:
            return
        raise Failure(f"{what}: {got}")

    # Whole steps.
    def ask(self, method, **more):
        self.send(self.request(method, **more))
        return self.final(method)

    def register(self, password="secret", expires=300, contact=None, algorithm="MD5", headers=(), user=None, wanted=200):
        user = user or self.user
        call_id, tag = token(16), token()
        more = dict(uri="sip:127.0.0.1", to=f"<sip:{user}@127.0.0.1>", call_id=call_id, from_tag=tag, contact=contact, user=user)
        lines = [f"Expires: {expires}", *headers]
        first = self.ask("REGISTER", headers=lines, **more)
        equal(first.status, 401, "REGISTER without credentials")
        credentials = authorization(first, "REGISTER", "sip:127.0.0.1", user, password, algorithm)
        second = self.ask("REGISTER", headers=lines + [credentials], cseq=2, **more)
        equal(second.status, wanted, "REGISTER with credentials")
        return second

    def call(self, to, media, **more):
        """Calls, acknowledges; the dialog."""
        return Dialog(self, to, media, **more)


def authorization(challenge, method, uri, user, password, algorithm="MD5", header="WWW-Authenticate"):
    mine = next((c for c in challenge.all(header) if re.search(rf"algorithm={algorithm}\b(?!-)", c)), None)
    check(mine, f"no challenge for {algorithm}")
    value = lambda name: re.search(rf'{name}="([^"]*)"', mine)[1]
    names = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}
    h = lambda text: hashlib.new(names[algorithm], text.encode()).hexdigest()
    cnonce, nonce, realm = token(), value("nonce"), value("realm")
    response = h(f"{h(f'{user}:{realm}:{password}')}:{nonce}:00000001:{cnonce}:auth:{h(f'{method}:{uri}')}")
    opaque = re.search(r'opaque="([^"]*)"', mine)
    return (f'Authorization: Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}", response="{response}", '
            f'algorithm={algorithm}, qop=auth, nc=00000001, cnonce="{cnonce}"' + (f', opaque="{opaque[1]}"' if opaque else ""))


class Dialog:
    """A call that this phone made, confirmed."""

    def __init__(self, phone, to, media, headers=(), display=None, user=None, seconds=5):
        self.phone, self.media = phone, media
        self.call_id, self.tag, self.number = token(16), token(), 1
        self.user = user
        self.local = None
        uri = f"sip:{to}@127.0.0.1:{phone.remote or 5060}"
        self.uri = uri
        phone.send(phone.request("INVITE", uri, call_id=self.call_id, from_tag=self.tag, body=media.sdp(), content_type="application/sdp",
                                 headers=headers, display=display, user=user))
        self.answer = phone.final("INVITE", seconds)
        equal(self.answer.status, 200, f"INVITE to {to}")
        self.ack()
        if media and self.answer.body:
            self.remote_media = self.answer.media()

    def make(self, method, cseq=None, **more):
        if cseq is None:
            self.number += 1
        more.setdefault("from_tag", self.tag)
        more.setdefault("user", self.user)
        return self.phone.request(method, self.answer.contact(), to=self.answer.get("To"), call_id=self.call_id,
                                  cseq=cseq or self.number, **more)

    def ack(self, number=None):
        self.phone.send(self.make("ACK", cseq=number or self.number))

    def ask_again(self, method, times=8):
        """Retransmits each second, as a phone does where packets are lost."""
        request = self.make(method)
        for _ in range(times):
            self.phone.send(request)
            try:
                return self.phone.wait(lambda m: m.status >= 200 and m.cseq == (self.number, method), 1, f"an answer to {method}")
            except Failure as why:
                last = why
        raise last

    def ask(self, method, seconds=5, **more):
        self.phone.send(self.make(method, **more))
        number = self.number
        return self.phone.wait(lambda m: m.status >= 200 and m.cseq == (number, method), seconds, f"an answer to {method}")

    def text(self, body, content_type="text/plain", **more):
        return self.ask("MESSAGE", body=body, content_type=content_type, contact="", **more)

    def bye(self):
        equal(self.ask("BYE").status, 200, "BYE")
