"""A telephone provider: a registrar that challenges, and calls to and from its customer, over UDP."""
import hashlib
import queue
import re
import socket
import threading

from .check import Failure, eventually
from .sip import Message, token


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


class Provider:
    """`challenge`: REGISTER and INVITE must prove the password. `answer`: what becomes of a call, "answer", "early" (183 with media, then it
    waits for pick_up()), "busy" or "silent". What came stands in `requests`, retransmissions left out."""

    def __init__(self, username="4930123", password="wonderland", realm="provider.example", granted=None, challenge=True, port=0):
        self.username, self.password, self.realm = username, password, realm
        self.granted, self.challenge, self.answer, self.media = granted, challenge, "answer", None
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", port))
        self.socket.settimeout(0.1)
        self.port = self.socket.getsockname()[1]
        self.nonce, self.stale = token(), False
        self.contact, self.requests, self.failures = None, [], []
        self.responses = queue.Queue()
        self.seen, self.running = set(), True
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def close(self):
        self.running = False
        self.thread.join(2)
        self.socket.close()

    def forget_nonce(self):
        """What is proven with the old nonce is stale from now on."""
        self.nonce, self.stale = token(), True

    def of(self, method):
        return [m for m in list(self.requests) if m.method == method]

    def wait(self, method, count=1, seconds=5):
        eventually(lambda: len(self.of(method)) >= count, seconds, lambda: f"the provider has {self.requests}, wanted {count} {method}")
        return self.of(method)[count - 1]

    # Answering.
    def _run(self):
        while self.running:
            try:
                data, source = self.socket.recvfrom(65536)
            except (socket.timeout, ConnectionRefusedError):
                continue
            except OSError:
                return
            message = Message(data)
            if message.status:
                self.responses.put(message)
                continue
            key = (message.get("Via"), message.method)
            if key in self.seen:
                continue
            self.seen.add(key)
            self.requests.append(message)
            try:
                self._handle(message, source)
            except Exception as why:   # told by the test that waits for it
                self.failures.append(why)

    def _handle(self, message, source):
        if message.method == "ACK":
            return
        if message.method in ("REGISTER", "INVITE") and self.challenge and not self._proven(message):
            return
        if message.method == "REGISTER":
            contact = message.get("Contact")
            expires = int(message.get("Expires") or 3600)
            self.contact = message.contact() if expires else None
            granted = self.granted if self.granted and expires else expires
            self.respond(message, source, 200, "OK", headers=[f"Contact: {contact};expires={granted}"])
        elif message.method == "INVITE":
            self._take_call(message, source)
        else:
            self.respond(message, source, 200, "OK")

    def _proven(self, message):
        proxy = message.method == "INVITE"
        given = message.get("Proxy-Authorization" if proxy else "Authorization")
        fields = dict(re.findall(r'(\w+)="?([^",]*)"?', given))
        if given and fields["nonce"] == self.nonce:
            if fields["realm"] != self.realm or fields["username"] != self.username:
                raise Failure(f"credentials for another: {given}")
            ha1 = md5(f"{self.username}:{self.realm}:{self.password}")
            ha2 = md5(f"{message.method}:{fields['uri']}")
            wanted = md5(f"{ha1}:{self.nonce}:{fields['nc']}:{fields['cnonce']}:{fields['qop']}:{ha2}")
            if fields["response"] == wanted:
                return True
        header = "Proxy-Authenticate" if proxy else "WWW-Authenticate"
        stale = ", stale=true" if given and self.stale else ""
        self.respond(message, self._source(message), 407 if proxy else 401, "Prove It",
                     headers=[f'{header}: Digest realm="{self.realm}", nonce="{self.nonce}", qop="auth", algorithm=MD5{stale}'])
        return False

    def _source(self, message):
        host, port = re.search(r"SIP/2.0/UDP ([^:;]+):(\d+)", message.get("Via")).groups()
        return host, int(port)

    def _take_call(self, message, source):
        if self.answer == "silent":
            return
        self.respond(message, source, 100, "Trying")
        if self.answer == "busy":
            return self.respond(message, source, 486, "Busy Here", tag="called")
        self.media.send_to(message.media())
        self.ringing = message, source
        if self.answer == "early":
            return self.respond(message, source, 183, "Session Progress", tag="called", body=self.media.sdp())
        self.pick_up()

    def pick_up(self):
        self.respond(*self.ringing, 200, "OK", tag="called", body=self.media.sdp())

    def respond(self, request, source, status, reason, headers=(), tag="provider", body=""):
        lines = [f"SIP/2.0 {status} {reason}"] + [f"Via: {v}" for v in request.all("Via")]
        to = request.get("To") + ("" if request.tag() or status == 100 else f";tag={tag}")
        lines += [f"From: {request.get('From')}", f"To: {to}", f"Call-ID: {request.get('Call-ID')}", f"CSeq: {request.get('CSeq')}"]
        if request.method == "INVITE":
            lines.append(f"Contact: <sip:called@127.0.0.1:{self.port}>")
        lines += headers
        if body:
            lines.append("Content-Type: application/sdp")
        lines.append(f"Content-Length: {len(body)}")
        self.socket.sendto(("\r\n".join(lines) + "\r\n\r\n" + body).encode(), source)

    # Calling.
    def request(self, method, uri, to, call_id, cseq=1, body="", tag="caller", number="+494012345", name="Somebody Outside"):
        lines = [f"{method} {uri} SIP/2.0", f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};rport;branch=z9hG4bK{token(16)}", "Max-Forwards: 70",
                 f'From: "{name}" <sip:{number}@{self.realm}>;tag={tag}', f"To: {to}", f"Call-ID: {call_id}", f"CSeq: {cseq} {method}",
                 f"Contact: <sip:caller@127.0.0.1:{self.port}>"]
        if body:
            lines.append("Content-Type: application/sdp")
        return ("\r\n".join(lines) + f"\r\nContent-Length: {len(body)}\r\n\r\n" + body).encode()

    def call(self, number, uri=None, **more):
        """A call to the Contact that was registered, or to `uri`."""
        uri = uri or self.contact
        return Call(self, uri, f"<sip:{number}@{self.realm}>", re.search(r"@([\d.]+):(\d+)", uri).groups(), **more)


class Call:
    """One that the provider makes."""

    def __init__(self, provider, uri, to, where, **more):
        self.provider, self.uri, self.to, self.more = provider, uri, to, more
        self.where = (where[0], int(where[1]))
        self.call_id = token(16)
        self.invite = provider.request("INVITE", uri, to, self.call_id, body=provider.media.sdp(), **more)
        self.send(self.invite)

    def send(self, data):
        self.provider.socket.sendto(data, self.where)

    def final(self, seconds=5, method="INVITE"):
        while True:
            try:
                message = self.provider.responses.get(timeout=seconds)
            except queue.Empty:
                raise Failure(f"no answer to the provider's {method}") from None
            if message.get("Call-ID") == self.call_id and message.status >= 200 and message.cseq[1] == method:
                if method == "INVITE":
                    self.answer = message
                    ok = message.status == 200
                    self.send(self.provider.request("ACK", message.contact() if ok else self.uri, message.get("To"), self.call_id, **self.more)
                              if ok else self.invite.split(b"\r\n\r\n")[0].replace(b"INVITE ", b"ACK ", 1).replace(b"1 INVITE", b"1 ACK")
                              .replace(b"To: " + self.to.encode(), b"To: " + message.get("To").encode()).split(b"\r\nContent-Length")[0]
                              + b"\r\nContent-Length: 0\r\n\r\n")
                    if ok:
                        self.provider.media.send_to(message.media())
                return message

    def bye(self):
        self.send(self.provider.request("BYE", self.answer.contact(), self.answer.get("To"), self.call_id, cseq=2, **self.more))
        return self.final(method="BYE")
