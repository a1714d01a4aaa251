"""Wrong requests and the answers that RFC 3261 names for them."""
from support.check import check, equal
from support.rtp import Media
from support.sip import Phone
from support.sipp import Scenario, both


def one(status, method="OPTIONS", **more):
    def make(t):
        headers = more.get("headers", [])
        s = Scenario("wrong").outside(method, headers, more.get("body", ""), more.get("content_type", "application/sdp"), more.get("uri"))
        s.invite_cseq = s.cseq
        s.recv(100, optional=True) if method == "INVITE" else s
        s.recv(status, has=more.get("has"))
        return s.ack_refusal().pause(50) if method == "INVITE" else s
    return make


def test_sipp_unsupported_require(context):
    both(context, one(420, "INVITE", headers=["Require: nothing-like-this, 100rel"], has={"Unsupported": "nothing-like-this"}))


def test_sipp_wrong_scheme(context):
    both(context, one(416, "INVITE", uri="http://example.org/"))
    both(context, one(416, "INVITE", uri="tel:+491234"))


def test_sipp_unknown_method(context):
    both(context, one(501, "FROBNICATE", has={"Allow": "INVITE"}))


def test_sipp_outside_a_dialog(context):
    for method in ("BYE", "UPDATE", "PRACK"):
        both(context, lambda t: Scenario("wrong").outside(method, ["RAck: 1 1 INVITE"], to="<sip:wrong@[remote_ip]>;tag=none").recv(481))
    both(context, lambda t: Scenario("wrong").outside("MESSAGE", body="x", content_type="text/plain", to="<sip:wrong@[remote_ip]>;tag=none").recv(481))
    both(context, lambda t: Scenario("wrong").outside("CANCEL").recv(481))


def test_sipp_body_of_another_type(context):
    both(context, one(415, "INVITE", body="x", content_type="text/plain", has={"Accept": "application/sdp"}))


def test_sipp_challenged_outside_a_dialog(context):
    """Survival item 1."""
    for method in ("MESSAGE", "SUBSCRIBE", "PUBLISH", "REFER"):
        body = "" if method == "SUBSCRIBE" else "x"   # which may have filters alone, that nobody here knows: 415
        both(context, one(401, method, body=body, content_type="text/plain", headers=["Event: presence", "Refer-To: <sip:a@b>"],
                          has={"WWW-Authenticate": "Digest"}))


def test_malformed(context):
    """Answered 400 where an answer is possible, dropped where not; the socket stays of use."""
    def changed(phone, old, new, method="OPTIONS"):
        request = phone.request(method, "sip:x@127.0.0.1")
        check(old in request, f"{old} is not in a request")
        return request.replace(old, new, 1)

    cases = [(b"CSeq: 1 OPTIONS", b"CSeq: x OPTIONS"), (b"CSeq: 1 OPTIONS", b"CSeq: 99999999999 OPTIONS"), (b"CSeq: 1 OPTIONS", b"CSeq: 1 INVITE"),
             (b"Call-ID:", b"X-Call-ID:"), (b"From: <", b"From: <<"), (b"To: <sip:x@127.0.0.1>", b"To: <sip:x@127.0.0.1"),
             (b"Max-Forwards: 70", b"Max-Forwards: many"), (b"sip:x@127.0.0.1 SIP/2.0", b"<sip:x@127.0.0.1> SIP/2.0")]
    for old, new in cases:
        for transport in ("udp", "tcp"):
            phone = Phone(context.server, transport)
            phone.send(changed(phone, old, new))
            equal(phone.final().status, 400, f"{new} over {transport}")
            phone.close()
    phone = Phone(context.server)
    phone.send(changed(phone, b"SIP/2.0\r\n", b"SIP/7.0\r\n"))
    equal(phone.final().status, 505, "SIP/7.0")
    for junk in (b"\r\n\r\n", b"\0" * 100, b"INVITE\r\n\r\n", b"SIP/2.0 200 OK\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"x"):
        phone.send(junk)
    equal(phone.ask("OPTIONS").status, 200, "OPTIONS after junk")
    phone.close()


def test_content_length(context):
    """RFC 3261 18.3: too long by UDP is 400; negative or absent on a stream ends it after an answer."""
    phone = Phone(context.server)
    phone.send(phone.request("OPTIONS").replace(b"Content-Length: 0", b"Content-Length: 50"))
    equal(phone.final().status, 400, "Content-Length beyond the datagram")
    phone.close()
    for value in (b"-1", b"99999999999999999999", b"abc", b"100000000"):
        phone = Phone(context.server, "tcp")
        phone.send(phone.request("OPTIONS").replace(b"Content-Length: 0", b"Content-Length: " + value))
        try:
            answer = phone.final(seconds=3)
            check(answer.status in (400, 413, 513), f"Content-Length {value}: {answer}")
        except Exception as why:
            check("closed" in str(why), f"Content-Length {value}: {why}")
        phone.close()
    phone = Phone(context.server, "tcp")
    # Pieces of any size, several in one.
    data = phone.request("OPTIONS") + b"\r\n\r\n" + phone.request("OPTIONS")
    for i in range(0, len(data), 7):
        phone.send(data[i:i + 7])
    phone.final(), phone.final()
    phone.close()


def test_keep_alive(context):
    """RFC 5626 3.5.1: CRLF CRLF is answered by CRLF on a stream."""
    phone = Phone(context.server, "tcp")
    phone.send(b"\r\n\r\n")
    phone.socket.settimeout(3)
    equal(phone.socket.recv(10), b"\r\n", "pong")
    phone.close()


def test_sdp(context):
    """Survival item 12: 488 with a Warning, 400, or an answer; never a crash."""
    phone, media = Phone(context.server), Media()
    good = media.sdp()
    cases = {"no m-line": good.split("m=")[0], "no version": good[5:], "bad rtpmap": good.replace("PCMU/8000", "PCMU/abc"), "no last LF": good.rstrip(),
             "port 0": good.replace(f"audio {media.port}", "audio 0"), "port 70000": good.replace(f"audio {media.port}", "audio 70000"),
             "crypto": good + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 5000 + "\r\n", "many lines": good + "a=x\r\n" * 3000,
             "many m-lines": good + "m=audio 9 RTP/AVP 0\r\n" * 300, "twice a codec": good.replace("AVP 0", "AVP 0 0 0 8 8"), "binary": b"\xff\xfe\0" * 50,
             "candidates": good + "a=candidate:1 7 UDP 1 x 1 typ host\r\na=candidate:\r\n", "fmtp": good + "a=fmtp:0 " + ";" * 2000 + "\r\na=fmtp:\r\n",
             "savp alone": good.replace("RTP/AVP", "RTP/SAVP"), "webrtc without fingerprint": good.replace("RTP/AVP", "UDP/TLS/RTP/SAVPF")}
    for name, body in cases.items():
        phone.send(phone.request("INVITE", "sip:sdp@127.0.0.1", body=body, content_type="application/sdp", call_id="sdp" + name.replace(" ", "")))
        answer = phone.final("INVITE")
        check(answer.status in (200, 400, 413, 488), f"{name}: {answer}")
        if answer.status == 488:
            check(answer.get("Warning"), f"{name}: 488 without Warning")
        phone.send(phone.request("ACK", answer.contact() or "sip:sdp@127.0.0.1", to=answer.get("To"), call_id=answer.get("Call-ID"),
                                 from_tag=answer.tag("From")))
        if answer.status == 200:
            phone.send(phone.request("BYE", answer.contact(), to=answer.get("To"), call_id=answer.get("Call-ID"), from_tag=answer.tag("From"), cseq=2))
            equal(phone.final("BYE").status, 200, f"BYE after {name}")
    media.close()
    phone.close()
