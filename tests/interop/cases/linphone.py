"""linphone from Debian, without a display and a sound card: all that a softphone does with an account, decoded at both ends.

Each test has a server of its own, so that they run beside the others."""
import re
import time

from support.baresip import Baresip, close_all
from support.check import check, equal, eventually
from support.linphone import Linphone
from support.rtp import Media
from support.sip import Phone, authorization

ACCOUNTS = ("alice", "bob", "carol", "dora")


def phones(context, name, *each, extra=""):
    """A server, and for each dict of options a phone that is registered there."""
    server = context.start(name=name, tls=True, accounts=ACCOUNTS, extra=extra)
    made = [Linphone(context, server, **one) for one in each]
    for phone in made:
        phone.registered()
    return server, made


def call(caller, called):
    caller.command(f"call {caller.target(called.user)}")
    called.answer()
    caller.says("Media streams established")


def talk(one, other, tone_of_one, tone_of_other, when=""):
    """Each hears the other and not itself."""
    one.hears(tone_of_other, not_these=(tone_of_one,), when=when)
    other.hears(tone_of_one, not_these=(tone_of_other,), when=when)


def ends(*calls):
    for phone in calls:
        phone.says("Call \\d+ with .* ended")


def finish(server, *made):
    close_all(*made)
    server.stop()


def contacts(server, user):
    phone = Phone(server, user=user)
    try:
        return len(phone.register(contact="").all("Contact"))
    finally:
        phone.close()


def test_registers_and_leaves(context):
    """Over all transports; a wrong password gets nowhere; who ends takes its contact away."""
    server = context.start(name="linphone-register", tls=True, accounts=ACCOUNTS)
    wrong = Linphone(context, server, "alice", password="wrong")
    right = [Linphone(context, server, user, transport=t) for user, t in (("dora", "udp"), ("bob", "tcp"), ("carol", "tls"))]
    try:
        for phone in right:
            phone.registered()
        wrong.says("Password for alice on parley")      # it asks the person at the keyboard
        debug = (wrong.folder / "debug").read_text(errors="replace")
        check(len(re.findall(r"^SIP/2.0 401 ", debug, re.M)) >= 2 and "SIP/2.0 200" not in debug, "the wrong password is taken")
        for user in ACCOUNTS:
            equal(contacts(server, user), int(user != "alice"), f"contacts of {user}")
        close_all(*right)
        for user in ACCOUNTS:
            equal(contacts(server, user), 0, f"contacts of {user} afterwards")
    finally:
        finish(server, wrong, *[p for p in right if p.process.poll() is None])


def test_calls_holds_and_dials_digits(context):
    """Called and calling, by two codecs that Parley turns into each other; hold and resume from both ends; digits as RFC 4733 and as INFO."""
    server, (a, b) = phones(context, "linphone-calls", dict(user="alice", frequency=440, codecs=("PCMU",)),
                            dict(user="bob", frequency=1000, codecs=("PCMA",), transport="tcp", sip={"use_info": 1, "use_rfc2833": 0}))
    try:
        call(a, b)
        talk(a, b, 440, 1000, "after the answer")
        for one, other, tone, others_tone in ((a, b, 440, 1000), (b, a, 1000, 440)):
            one.command("pause")
            one.says("is now paused")
            time.sleep(0.3)
            one.hears_nothing(others_tone)     # the other hears what the program plays to who is held: its file
            one.command("resume")
            one.says("Media streams established")
            talk(one, other, tone, others_tone, "after the hold")
        for digit in "19#*":
            a.command(digit)      # events in the stream; who takes none gets tones
            b.hears_digit(digit)
        for digit in "19#*":
            b.command(digit)      # INFO; who takes events gets them
            a.says("Receiving tone " + re.escape(digit))
        debug = (b.folder / "debug").read_text(errors="replace")
        check(debug.count("INFO sip:") >= 4 and "RFC2833" not in debug, "the digits were not sent as INFO")
        talk(a, b, 440, 1000, "after the digits")
        b.command("terminate")
        ends(a, b)
        call(b, a)
        talk(a, b, 440, 1000, "the other way")
        a.command("terminate")
        ends(a, b)
    finally:
        finish(server, a, b)


def test_room_with_baresip_by_opus(context):
    server, (a,) = phones(context, "linphone-room", dict(user="alice", frequency=440, codecs=("opus",)))
    b = Baresip(context, server, "bob", 1000)
    try:
        b.registered()
        a.dial("meeting"), b.dial("meeting")
        a.hears(1000, not_these=(440,))
        eventually(lambda: b.levels(440)[0] > 2000, 8, "baresip does not hear linphone")
    finally:
        finish(server, a, b)


def test_wideband(context):
    """G.722, to a phone of another codec."""
    server, (a, b) = phones(context, "linphone-g722", dict(user="alice", frequency=440, codecs=("G722",)), dict(user="bob", frequency=1000, codecs=("opus",)))
    try:
        call(b, a)
        talk(a, b, 440, 1000)
        debug = (a.folder / "debug").read_text(errors="replace")
        check(re.search(r"^m=audio \d+ RTP/AVP 9\b", debug, re.M), "no G.722")
    finally:
        finish(server, a, b)


def test_is_declined_and_nobody_there(context):
    server, (a,) = phones(context, "linphone-declined", dict(user="alice"))
    bob = Phone(server, user="bob")
    try:
        bob.register()
        a.command(f"call {a.target('bob')}")
        bob.answer(bob.requested("INVITE"), 486, "Busy Here")
        bob.requested("ACK")
        a.says("error")
        a.command(f"call {a.target('carol')}")
        a.says("error")
        debug = (a.folder / "debug").read_text(errors="replace")
        check("SIP/2.0 486 " in debug and "SIP/2.0 480 " in debug, "busy and absent are not told")
        # It gives up while the other rings.
        a.command(f"call {a.target('bob')}")
        invite = bob.requested("INVITE")
        bob.answer(invite, 180, "Ringing")
        a.says("ringing")
        a.command("terminate")
        bob.answer(bob.requested("CANCEL"), 200)
        bob.answer(invite, 487, "Request Terminated")
        bob.requested("ACK")
        ends(a)
    finally:
        bob.close()
        finish(server, a)


def test_transfers_blind(context):
    """Who was called sends the caller on; then the caller sends the called on."""
    server, (a, b, c) = phones(context, "linphone-blind", *[dict(user=u, frequency=f) for u, f in (("alice", 440), ("bob", 1000), ("carol", 1500))])
    try:
        call(a, b)
        talk(a, b, 440, 1000)
        b.command(f"transfer 1 {b.target('carol')}")
        c.answer()
        b.says("ended")
        talk(a, c, 440, 1500, "transferred by the called")
        a.command(f"transfer 1 {a.target('bob')}")
        b.answer()
        a.says("ended")
        talk(b, c, 1000, 1500, "transferred by the caller")
    finally:
        finish(server, a, b, c)


def test_transfers_attended(context):
    """Bob has called alice; she holds him, asks carol, and joins the two (RFC 3891 in RFC 3515's REFER)."""
    server, (a, b, c) = phones(context, "linphone-attended", *[dict(user=u, frequency=f) for u, f in (("alice", 440), ("bob", 1000), ("carol", 1500))])
    try:
        call(b, a)
        talk(a, b, 440, 1000)
        a.command("pause")
        a.says("is now paused")
        call(a, c)
        talk(a, c, 440, 1500, "the question")
        a.command("transfer 1 --to-call 2")
        talk(b, c, 1000, 1500, "transferred")
        ends(a, a)
    finally:
        finish(server, a, b, c)


def test_messages_both_ways(context):
    server, (a, b) = phones(context, "linphone-text", dict(user="alice"), dict(user="bob", transport="tcp"))
    try:
        a.command(f'chat {a.target("bob")} "Good morning, bob & co: <äöü>"')
        b.says("Message received from .*alice.*: .*Good morning, bob & co: <äöü>")
        b.command(f'chat {b.target("alice")} "Likewise"')
        a.says("Message received from .*bob.*: .*Likewise")
        sender = Phone(server, user="carol")
        sender.register()
        uri = "sip:alice@127.0.0.1"
        text = dict(uri=uri, body="From a desk phone", content_type="text/plain", contact="", call_id="desk", from_tag="desk")
        proof = authorization(sender.ask("MESSAGE", **text), "MESSAGE", uri, "carol", "secret")
        equal(sender.ask("MESSAGE", headers=[proof], cseq=2, **text).status, 202, "MESSAGE")
        a.says("Message received from .*carol.*: From a desk phone")
        a.command(f'chat {a.target("carol")} "To a desk phone"')
        text = sender.requested("MESSAGE")
        check(b"To a desk phone" in text.body, f"text {text.body!r}")
        sender.answer(text, 200)
        sender.close()
    finally:
        finish(server, a, b)


def test_presence(context):
    """Alice watches bob: there, on the phone, there, gone (RFC 3856)."""
    server, (b,) = phones(context, "linphone-presence", dict(user="bob"))
    a = Linphone(context, server, "alice", friends=("bob",))
    caller, media = Phone(server), Media()
    try:
        a.registered(back=True)
        a.says('Friend "bob" .* is Online')
        caller.send(caller.request("INVITE", f"sip:bob@127.0.0.1:{caller.remote}", body=media.sdp(), content_type="application/sdp"))
        b.answer()
        a.says('Friend "bob" .* is On the phone')
        b.command("terminate")
        a.says('Friend "bob" .* is Online')
        b.close()
        a.says('Friend "bob" .* is Offline')
    finally:
        caller.close()
        media.close()
        finish(server, a, *([b] if b.process.poll() is None else []))


def secured(context, name, suite, other, extra=""):
    """Alice by SRTP over TLS, under this suite alone; calls and holds bob."""
    server, (a, b) = phones(context, name, dict(user="alice", frequency=440, transport="tls", encryption="srtp", suites=suite), dict(user="bob", frequency=1000, **other),
                            extra=extra)
    try:
        call(a, b)
        talk(a, b, 440, 1000, suite)
        a.command("pause")
        a.says("is now paused")
        a.command("resume")
        a.says("Media streams established")
        talk(a, b, 440, 1000, f"{suite} after the hold")
        debug = (a.folder / "debug").read_text(errors="replace")
        answer = debug[debug.index("a=crypto", debug.index("SIP/2.0 200 OK", debug.index("m=audio"))):]
        check(re.match(rf"a=crypto:\d+ {suite} inline:", answer), f"answered with {answer[:40]}")
        keys = re.findall(r"inline:(\S{20})", debug)
        check(len(keys) >= 2 and not any(key in server.log_text() for key in keys), "a key in Parley's log")
        a.command("terminate")
        ends(a, b)
    finally:
        finish(server, a, b)


def test_srtp_of_one_phone(context):
    """The other has plain RTP, of another codec."""
    secured(context, "linphone-sha1", "AES_CM_128_HMAC_SHA1_80", dict(codecs=("opus",)))


def test_srtp_of_both_phones(context):
    """Parley offers it to who is reached by TLS."""
    secured(context, "linphone-both", "AES_CM_128_HMAC_SHA1_32", dict(transport="tls", encryption="srtp", suites="AES_CM_128_HMAC_SHA1_80"), '[media]\nsdes = "offer"\n')


def test_srtp_is_wanted_and_not_there(context):
    """No suite in common: refused, never in clear (survival 15)."""
    server, (a,) = phones(context, "linphone-nosuite", dict(user="alice", encryption="srtp", suites="AES_256_CM_HMAC_SHA1_80"))
    try:
        a.command(f"call {a.target('room')}")
        a.says("(?i)error|incompatible|not acceptable|ended")
        debug = (a.folder / "debug").read_text(errors="replace")
        check(re.search(r"^SIP/2.0 488 ", debug, re.M) and re.search(r"^Warning: .*crypto", debug, re.M), "no 488 with its reason")
    finally:
        finish(server, a)


def together():
    for name, function in list(globals().items()):
        if name.startswith("test_"):
            function.waits = True


together()
