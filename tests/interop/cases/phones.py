"""baresip from Debian: registers, calls a room and an account, is called, is heard and hears."""
import time

from support.baresip import Baresip, close_all
from support.check import check, equal
from support.rtp import Media
from support.sip import Phone


def hears(phone, own, others, when):
    levels = phone.levels(own, *others)
    check(levels[0] < 400, f"{when}: {phone.user} hears himself with {levels[0]:.0f}")
    for frequency, level in zip(others, levels[1:]):
        check(level > 2000, f"{when}: {phone.user} hears {frequency} Hz with {level:.0f}")


def room_of_two(context, transport, codecs):
    a = Baresip(context, context.server, "alice", 440, transport, codecs)
    b = Baresip(context, context.server, "carol", 1000, transport, codecs)
    try:
        a.registered(), b.registered()
        room = f"phones-{transport}-{codecs.lower()}"
        a.dial(room), b.dial(room)
        time.sleep(3)
        hears(a, 440, [1000], room)
        hears(b, 1000, [440], room)
        a.command("hangup"), b.command("hangup")
        time.sleep(0.3)
    finally:
        close_all(a, b)


def test_room_over_udp(context):
    room_of_two(context, "udp", "pcmu")


def test_room_over_tcp_with_opus(context):
    room_of_two(context, "tcp", "opus")


def test_room_over_tls(context):
    room_of_two(context, "tls", "PCMA")


def test_room_with_g722(context):
    room_of_two(context, "udp", "G722")


def test_account_calls_account(context):
    """Ring, answer, both ways, hold and resume, DTMF, hang-up."""
    a = Baresip(context, context.server, "alice", 440)
    b = Baresip(context, context.server, "carol", 1000, "tcp")
    try:
        a.registered(), b.registered()
        a.command("dial", a.target("carol"))
        b.event("CALL_INCOMING")
        a.event("CALL_RINGING")
        b.command("accept")
        a.event("CALL_ESTABLISHED"), b.event("CALL_ESTABLISHED")
        time.sleep(2.5)
        hears(a, 440, [1000], "after the answer")
        hears(b, 1000, [440], "after the answer")
        a.command("hold")
        time.sleep(1)
        since = len(b.recorded()[0])
        time.sleep(1.5)
        level = b.levels(440, since=since)[0]
        check(level < 400, f"one who holds is heard with {level:.0f}")
        a.command("resume")
        time.sleep(2.5)
        hears(a, 440, [1000], "after the hold")
        hears(b, 1000, [440], "after the hold")
        for digit in "159#*D":
            a.command("sndcode", digit)
            time.sleep(0.15)
        for digit in "159#*D":
            equal(b.event("CALL_DTMF_START").get("param"), digit, "a digit")
        hears(a, 440, [1000], "after DTMF")
        b.command("hangup")
        a.says("terminated (duration"), b.says("terminated (duration")
    finally:
        close_all(a, b)


def test_srtp_in_a_room_and_between_accounts(context):
    """RTP/SAVP and RTP/SAVPF by SDES over TLS: what baresip offers, and what Parley offers it (AES-GCM first, RFC 7714)."""
    server = context.start(name="baresip-srtp", tls=True, accounts=("alice", "carol"), extra='[media]\nsdes = "offer"\n')
    a = Baresip(context, server, "alice", 440, "tls", srtp="srtp-mandf")
    b = Baresip(context, server, "carol", 1000, "tls", "PCMA", srtp="srtp-mand")
    try:
        a.registered(), b.registered()
        a.dial("secret"), b.dial("secret")
        time.sleep(3)
        hears(a, 440, [1000], "in the room")
        hears(b, 1000, [440], "in the room")
        for phone in (a, b):
            phone.says("SRTP is Enabled (cryptosuite=AES_CM_128_HMAC_SHA1_80)")
            phone.command("hangup")
        time.sleep(0.3)
        a.command("dial", a.target("carol"))
        b.event("CALL_INCOMING")
        b.command("accept")
        a.event("CALL_ESTABLISHED"), b.event("CALL_ESTABLISHED")
        time.sleep(2.5)
        hears(a, 440, [1000], "in the call")
        hears(b, 1000, [440], "in the call")
        b.says("SRTP is Enabled (cryptosuite=AEAD_AES_128_GCM)")
        a.command("hold")
        time.sleep(0.5)
        a.command("resume")
        time.sleep(2.5)
        hears(a, 440, [1000], "after the hold")
        hears(b, 1000, [440], "after the hold")
    finally:
        close_all(a, b)
        server.stop()


def test_transfer(context):
    """The called sends the caller on."""
    phones = [Baresip(context, context.server, user, f) for user, f in (("alice", 440), ("carol", 1000), ("1000", 1500))]
    a, b, c = phones
    try:
        for phone in phones:
            phone.registered()
        a.command("dial", a.target("carol"))
        b.event("CALL_INCOMING")
        b.command("accept")
        a.event("CALL_ESTABLISHED"), b.event("CALL_ESTABLISHED")
        b.command("transfer", b.target("1000"))
        c.event("CALL_INCOMING")
        c.command("accept")
        c.event("CALL_ESTABLISHED")
        time.sleep(2.5)
        hears(a, 440, [1500], "after the transfer")
        hears(c, 1500, [440], "after the transfer")
    finally:
        close_all(*phones)


def test_presence_and_text(context):
    """Watches an account, is told of its coming and going, and writes to it."""
    a = Baresip(context, context.server, "alice", 440, friends=("1001",))
    phone = Phone(context.server, user="1001")
    try:
        a.registered()
        phone.register(contact="*", expires=0)
        phone.register()
        a.shows("contacts", "Online")
        a.command("message", "Hello")
        text = phone.requested("MESSAGE")
        check(b"Hello" in text.body, f"text {text.body!r}")
        phone.answer(text, 200)
        phone.register(contact="*", expires=0)
        a.shows("contacts", "Offline")
    finally:
        a.close()
        phone.close()


def test_is_called_and_declines(context):
    b = Baresip(context, context.server, "carol", 1000)
    phone, media = Phone(context.server), Media()
    try:
        b.registered()
        phone.send(phone.request("INVITE", "sip:carol@127.0.0.1", body=media.sdp(), content_type="application/sdp"))
        b.event("CALL_INCOMING")
        b.command("hangup")
        answer = phone.final("INVITE")
        check(answer.status in (486, 603, 480), f"the caller's answer: {answer}")
    finally:
        b.close()
        media.close()
        phone.close()


def test_wrong_password(context):
    b = Baresip(context, context.server, "carol", 1000, password="wrong")
    try:
        b.says("401 Unauthorized")
    finally:
        b.close()
