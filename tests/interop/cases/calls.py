"""Calls by sipp over UDP and TCP: rooms, hold, late offer, CANCEL, 100rel, session timer, forking."""
import re
import time

from support import audio
from support.check import check, equal
from support.rtp import Media
from support.sip import Phone
from support.sipp import Run, Scenario, both, run, sdp


def test_sipp_room(context):
    both(context, lambda t: Scenario("room-" + t).invite().called().recv(200, has={"Content-Type": "application/sdp"}, body="m=audio [1-9][0-9]* RTP/AVP")
         .ack().pause(300).bye())


def test_sipp_hold_and_resume(context):
    def make(t):
        s = Scenario("hold").invite().called().recv(200, body="a=sendrecv").ack()
        s.reinvite(sdp("sendonly", 2)).recv(100, optional=True).recv(200, body="a=recvonly").ack()
        s.reinvite(sdp("inactive", 3)).recv(100, optional=True).recv(200, body="a=inactive").ack()
        s.reinvite(sdp("sendrecv", 4)).recv(100, optional=True).recv(200, body="a=sendrecv").ack()
        return s.bye()
    both(context, make)


def test_sipp_late_offer(context):
    """INVITE without a body: the 2xx has the offer, the ACK the answer (RFC 3261 13.2.2.4); so with a re-INVITE."""
    def make(t):
        s = Scenario("late").outside("INVITE")
        s.invite_cseq = s.cseq
        s.called().recv(200, has={"Content-Type": "application/sdp"}, body="m=audio [1-9]").ack(sdp())
        s.reinvite("").recv(100, optional=True).recv(200, body="m=audio [1-9]").ack(sdp(version=2))
        return s.bye()
    both(context, make)


def test_sipp_update_and_options_in_dialog(context):
    def make(t):
        s = Scenario("update").invite().called().recv(200).ack()
        s.inside("UPDATE", body=sdp("sendonly", 2)).recv(200, body="a=recvonly")
        s.inside("UPDATE").recv(200)
        s.inside("OPTIONS").recv(200, has={"Allow": "MESSAGE"})
        s.inside("INFO", body="Signal=5\nDuration=160\n", content_type="application/dtmf-relay").recv(200)
        return s.bye()
    both(context, make)


def test_sipp_options(context):
    both(context, lambda t: Scenario("anybody").outside("OPTIONS", ["Accept: application/sdp"])
         .recv(200, has={"Allow": "INVITE.*MESSAGE|MESSAGE.*INVITE", "Accept": "application/sdp"}))


def test_sipp_invite_of_an_account_is_challenged(context):
    def make(t):
        s = Scenario("auth", user="alice").invite().recv(100, optional=True).recv(401, auth=True)
        s.ack_refusal().invite(headers=["[authentication]"]).called().recv(200).ack()
        return s.bye()
    both(context, make, user="alice", password="secret")


def test_sipp_wrong_credentials_in_invite(context):
    def make(t):
        s = Scenario("auth", user="alice").invite().recv(100, optional=True).recv(401, auth=True).ack_refusal()
        return s.invite(headers=["[authentication]"]).recv(100, optional=True).recv(401).ack_refusal().pause(100)
    both(context, make, user="alice", password="wrong")


def test_sipp_nobody_there(context):
    def make(t):
        s = Scenario("carol").invite().recv(100, optional=True).recv(480)
        return s.ack_refusal().pause(100)
    both(context, make)


def test_sipp_offer_that_cannot_be_met(context):
    offer = sdp().replace("RTP/AVP 0", "RTP/AVP 96").replace("rtpmap:0 PCMU/8000", "rtpmap:96 NOTHING/8000")
    both(context, lambda t: Scenario("codecs").invite(offer).recv(100, optional=True).recv(488, has={"Warning": "399 "}).ack_refusal().pause(100))


def test_sipp_session_interval_too_small(context):
    def make(t):
        s = Scenario("timer").invite(headers=["Supported: timer", "Session-Expires: 30"]).recv(100, optional=True).recv(422, has={"Min-SE": "90"})
        s.ack_refusal().invite(headers=["Supported: timer", "Session-Expires: 120;refresher=uac", "Min-SE: 90"])
        s.called().recv(200, has={"Session-Expires": "refresher=uac", "Require": "timer"}).ack()
        s.inside("UPDATE", ["Supported: timer", "Session-Expires: 120;refresher=uac"]).recv(200, has={"Session-Expires": "120"})
        return s.bye()
    both(context, make)


def registered(context, user, *ports, transport="udp"):
    """Contacts of `user` at these ports of this machine."""
    phone = Phone(context.server, user=user)
    phone.register(contact="*", expires=0)
    for port in ports:
        phone.register(contact=f"<sip:{user}@127.0.0.1:{port}" + (";transport=tcp>" if transport == "tcp" else ">"))
    phone.close()


def ringing(user="bob"):
    return Scenario(user=user).recv("INVITE", has={"Content-Type": "application/sdp", "Parley-Participant": "."}, timeout=10000)


def test_sipp_account_is_called(context):
    callee = Run(context, context.server, ringing().answer(180, "Ringing", tag=True).pause(300).answer(200, body=sdp(), tag=True)
                 .recv("ACK").recv("BYE").answer(200))
    registered(context, "bob", callee.port)
    run(context, context.server, Scenario("bob").invite().called(180).recv(200, body="m=audio [1-9]").ack().pause(300).bye())
    callee.finish("the called phone")


def test_account_hangs_up(context):
    bob, alice = Phone(context.server, user="bob"), Phone(context.server)
    bob.register(contact="*", expires=0)
    bob.register()
    media = Media()
    alice.send(alice.request("INVITE", "sip:bob@127.0.0.1", body=media.sdp(), content_type="application/sdp", call_id="hangs-up"))
    invite = bob.requested("INVITE")
    bob.answer(invite, 200, body=media.sdp())
    bob.requested("ACK")
    answer = alice.final("INVITE")
    alice.send(alice.request("ACK", answer.contact(), to=answer.get("To"), call_id="hangs-up", from_tag=answer.tag("From")))
    bob.send(bob.request("BYE", invite.contact(), to=invite.get("From"), call_id=invite.get("Call-ID"), from_tag="bobtag", contact=""))
    equal(bob.final("BYE").status, 200, "BYE of the called")
    bye = alice.requested("BYE")
    alice.answer(bye, 200)
    media.close()
    bob.register(expires=0)
    alice.close()
    bob.close()


def test_fork_to_two(context):
    """One of two contacts answers, the other is cancelled with the reason."""
    one, two, caller = Phone(context.server, user="bob"), Phone(context.server, user="bob"), Phone(context.server)
    one.register(contact="*", expires=0)
    one.register()
    two.register()
    media = Media()
    caller.send(caller.request("INVITE", "sip:bob@127.0.0.1", body=media.sdp(), content_type="application/sdp", call_id="fork"))
    a, b = one.requested("INVITE"), two.requested("INVITE")
    one.answer(a, 180, "Ringing")
    two.answer(b, 180, "Ringing")
    caller.wait(lambda m: m.status == 180, 5, "ringing")
    two.answer(b, 200, body=media.sdp())
    two.requested("ACK")
    cancel = one.requested("CANCEL")
    check("Call completed elsewhere" in cancel.get("Reason"), "CANCEL without its reason")
    one.answer(cancel, 200)
    one.answer(a, 487, "Request Terminated")
    one.requested("ACK")
    answer = caller.final("INVITE")
    equal(answer.status, 200, "the caller's answer")
    caller.send(caller.request("ACK", answer.contact(), to=answer.get("To"), call_id="fork", from_tag=answer.tag("From")))
    caller.send(caller.request("BYE", answer.contact(), to=answer.get("To"), call_id="fork", from_tag=answer.tag("From"), cseq=2))
    equal(caller.final("BYE").status, 200, "BYE")
    bye = two.requested("BYE")
    two.answer(bye, 200)
    one.nothing(lambda m: m.method == "BYE", 0.3, "a BYE to the cancelled")
    two.register(contact="*", expires=0)
    media.close()
    for phone in (one, two, caller):
        phone.close()


def test_sipp_busy(context):
    callee = Run(context, context.server, ringing().answer(486, "Busy Here", tag=True).recv("ACK").pause(100))
    registered(context, "bob", callee.port)
    run(context, context.server, Scenario("bob").invite().recv(100, optional=True).recv(486).ack_refusal().pause(100))
    callee.finish("the busy phone")


def test_sipp_cancel(context):
    """The caller gives up: 200 to CANCEL, 487 to INVITE, CANCEL to the phone that rings."""
    for transport in ("udp", "tcp"):
        bob = Phone(context.server, user="bob")
        bob.register(contact="*", expires=0)
        bob.register()
        s = Scenario("bob").invite().called(180).cancel().recv(200, has={"CSeq": "CANCEL"}).recv(487).ack_refusal().pause(100)
        caller = Run(context, context.server, s, transport)
        invite = bob.requested("INVITE", 10)
        bob.answer(invite, 180, "Ringing")
        cancel = bob.requested("CANCEL")
        bob.answer(cancel, 200)
        bob.answer(invite, 487, "Request Terminated")
        bob.requested("ACK")
        caller.finish(f"the caller over {transport}")
        bob.register(expires=0)
        bob.close()


def test_account_over_tcp_is_called_on_its_connection(context):
    bob, caller, media = Phone(context.server, "tcp", user="bob"), Phone(context.server), Media()
    bob.register(contact="*", expires=0)
    bob.register()
    caller.send(caller.request("INVITE", "sip:bob@127.0.0.1", body=media.sdp(), content_type="application/sdp"))
    invite = bob.requested("INVITE")
    bob.answer(invite, 603, "Decline")
    bob.requested("ACK")
    equal(caller.final("INVITE").status, 603, "the caller's answer")
    media.close()
    caller.close()
    bob.close()


def test_100rel_is_acknowledged(context):
    """A phone that requires 100rel for its 180 gets PRACK (RFC 3262 4), and one that supports it may ask Parley."""
    bob, caller, media = Phone(context.server, user="bob"), Phone(context.server), Media()
    bob.register(contact="*", expires=0)
    bob.register()
    caller.send(caller.request("INVITE", "sip:bob@127.0.0.1", body=media.sdp(), content_type="application/sdp", headers=["Supported: 100rel"],
                               call_id="prack"))
    invite = bob.requested("INVITE")
    bob.answer(invite, 180, "Ringing", headers=["Require: 100rel", "RSeq: 77"])
    prack = bob.requested("PRACK")
    check(re.fullmatch(r"77 \d+ INVITE", prack.get("RAck")), f"RAck {prack.get('RAck')}")
    bob.answer(prack, 200)
    caller.wait(lambda m: m.status == 180, 5, "ringing")
    bob.answer(invite, 486, "Busy Here")
    bob.requested("ACK")
    equal(caller.final("INVITE").status, 486, "the caller's answer")
    bob.register(expires=0)
    media.close()
    caller.close()
    bob.close()


def test_caller_requires_100rel(context):
    bob, caller, media = Phone(context.server, user="bob"), Phone(context.server), Media()
    bob.register(contact="*", expires=0)
    bob.register()
    caller.send(caller.request("INVITE", "sip:bob@127.0.0.1", body=media.sdp(), content_type="application/sdp", headers=["Require: 100rel"],
                               call_id="prack2"))
    invite = bob.requested("INVITE")
    bob.answer(invite, 180, "Ringing")
    ring = caller.wait(lambda m: m.status == 180, 5, "ringing")
    check("100rel" in ring.get("Require") and ring.get("RSeq"), "180 is not reliable")
    again = caller.wait(lambda m: m.status == 180, 3, "the retransmitted 180")
    equal(again.get("RSeq"), ring.get("RSeq"), "RSeq of the copy")
    caller.send(caller.request("PRACK", ring.contact(), to=ring.get("To"), call_id="prack2", from_tag=ring.tag("From"), cseq=2,
                               headers=[f"RAck: {ring.get('RSeq')} 1 INVITE"]))
    equal(caller.final("PRACK").status, 200, "PRACK")
    bob.answer(invite, 486, "Busy Here")
    equal(caller.final("INVITE").status, 486, "the caller's answer")
    bob.register(expires=0)
    media.close()
    caller.close()
    bob.close()


def test_second_offer_while_the_first_is_open(context):
    """RFC 3261 14.2: a second INVITE before the first one's final answer was sent is 500, one that crosses ours 491; here the
    late offer's ACK is still to come."""
    phone, media = Phone(context.server), Media()
    dialog = phone.call("glare", media)
    phone.send(dialog.make("INVITE"))                         # no body: Parley offers in its 200
    number = dialog.number
    offer = phone.wait(lambda m: m.status == 200 and m.cseq == (number, "INVITE"), 5, "the offer")
    check(offer.body, "no offer")
    answer = dialog.ask("INVITE", body=media.sdp(version=3), content_type="application/sdp")
    check(answer.status in (491, 500), f"INVITE into an open offer: {answer}")
    phone.send(dialog.make("ACK", cseq=dialog.number))
    phone.send(dialog.make("ACK", cseq=number, body=media.sdp(version=2), content_type="application/sdp"))
    equal(dialog.ask("INVITE", body=media.sdp(version=4), content_type="application/sdp").status, 200, "INVITE when all is settled")
    dialog.ack()
    dialog.bye()
    media.close()
    phone.close()


def test_old_cseq_and_foreign_tags(context):
    """Survival item 4."""
    phone, media = Phone(context.server), Media()
    dialog = phone.call("cseq", media)
    dialog.number = 10
    equal(dialog.ask("OPTIONS").status, 200, "OPTIONS with CSeq 11")
    dialog.number = 4
    equal(dialog.ask("OPTIONS").status, 500, "OPTIONS with an old CSeq")
    dialog.number = 20
    equal(dialog.ask("BYE", from_tag="another").status, 481, "BYE with another tag")
    stranger = Phone(context.server)
    stranger.send(dialog.make("BYE"))
    check(stranger.final("BYE").status in (403, 481), "a stranger's BYE is taken")
    equal(dialog.ask("OPTIONS").status, 200, "OPTIONS afterwards")
    dialog.bye()
    equal(dialog.ask("BYE").status, 481, "BYE of a call that ended")
    media.close()
    phone.close()
    stranger.close()


def test_retransmissions(context):
    """The same INVITE thrice is one participant and gets the same answer; 200 comes again until ACK (13.3.1.4)."""
    phone, watcher, media = Phone(context.server), Phone(context.server), Media()
    watching = watcher.call("again", media, headers=["Accept: application/sdp, application/x-asterisk-confbridge-event+json"])
    watcher.answer(watcher.requested("MESSAGE"), 200)
    invite = phone.request("INVITE", "sip:again@127.0.0.1", body=media.sdp(), content_type="application/sdp", call_id="again")
    for _ in range(3):
        phone.send(invite)
    first = phone.final("INVITE")
    second = phone.final("INVITE")
    third = phone.wait(lambda m: m.status == 200, 3, "200 again without ACK")
    equal({first.tag(), second.tag(), third.tag()}, {first.tag()}, "tags")
    for cseq in (1, 1):
        phone.send(phone.request("ACK", first.contact(), to=first.get("To"), call_id="again", from_tag=first.tag("From")))
    joined = watcher.requested("MESSAGE")
    watcher.answer(joined, 200)
    check(b"ConfbridgeJoin" in joined.body, "no event of the join")
    bye = phone.request("BYE", first.contact(), to=first.get("To"), call_id="again", from_tag=first.tag("From"), cseq=2)
    phone.send(bye)
    equal(phone.final("BYE").status, 200, "BYE")
    phone.send(bye)
    equal(phone.final("BYE").status, 200, "BYE again")
    left = watcher.requested("MESSAGE")
    watcher.answer(left, 200)
    check(b"ConfbridgeLeave" in left.body, "no event of leaving")
    watcher.nothing(lambda m: m.method == "MESSAGE" and m.raw != left.raw, 0.6, "one more event")
    watching.bye()
    media.close()
    phone.close()
    watcher.close()


def test_tones_are_mixed_and_held(context):
    """Three phones: each hears both others and not himself; who holds is not heard."""
    phones = [Phone(context.server) for _ in range(3)]
    tones = [440, 660, 1000]
    media = [Media(t) for t in tones]
    calls = [p.call("tones", m) for p, m in zip(phones, media)]
    for call, m in zip(calls, media):
        m.send_to(call.remote_media)
    time.sleep(1.5)
    for i in range(3):
        samples = media[i].heard(0.8)
        for j in range(3):
            level = audio.amplitude(samples, tones[j])
            check(level < 300 if i == j else level > 2500, f"phone {i} hears {tones[j]} Hz with {level:.0f}")
    equal(calls[0].ask("INVITE", body=media[0].sdp("sendonly", 2), content_type="application/sdp").status, 200, "hold")
    calls[0].ack()
    time.sleep(0.4)
    silent_since = time.monotonic()
    time.sleep(0.8)
    check(not [1 for when, _ in media[0].packets if when > silent_since + 0.1], "media to a phone that holds")
    equal(calls[0].ask("INVITE", body=media[0].sdp("inactive", 3), content_type="application/sdp").status, 200, "inactive")
    calls[0].ack()
    time.sleep(1.0)
    level = audio.amplitude(media[1].heard(0.5), tones[0])
    check(level < 300, f"one who is inactive is heard with {level:.0f}")
    equal(calls[0].ask("INVITE", body=media[0].sdp("sendrecv", 4), content_type="application/sdp").status, 200, "resume")
    calls[0].ack()
    time.sleep(1.0)
    check(audio.amplitude(media[1].heard(0.5), tones[0]) > 2500, "not heard after the hold")
    check(audio.amplitude(media[0].heard(0.5), tones[1]) > 2500, "hears nothing after the hold")
    for call, m, p in zip(calls, media, phones):
        call.bye()
        m.close()
        p.close()


def test_session_timer_refresh_and_glare(context):
    """The called side refreshes at half of 90 s (RFC 4028 10); its re-INVITE is refused with 491 once and comes again
    (RFC 3261 14.1); one that answers nothing is given up after the interval."""
    phone, media = Phone(context.server), Media()
    dialog = phone.call("refresh", media, headers=["Supported: timer", "Session-Expires: 90;refresher=uas", "Allow: INVITE, ACK, BYE, CANCEL"])
    check("refresher=uas" in dialog.answer.get("Session-Expires"), "Parley does not refresh")
    refresh = phone.wait(lambda m: m.method in ("INVITE", "UPDATE"), 60, "the refresh")
    equal(refresh.method, "INVITE", "the refresh to one that does not allow UPDATE")
    phone.answer(refresh, 491, "Request Pending")
    phone.requested("ACK")
    again = phone.requested("INVITE", 6)
    check(again.cseq[0] > refresh.cseq[0], "CSeq does not grow")
    phone.answer(again, 200, body=media.sdp(version=2), headers=["Session-Expires: 90;refresher=uac", "Require: timer"])
    phone.requested("ACK")
    dialog.bye()
    media.close()
    phone.close()


test_session_timer_refresh_and_glare.waits = True


def test_session_that_nobody_refreshes_ends(context):
    phone, media = Phone(context.server), Media()
    dialog = phone.call("expiry", media, headers=["Supported: timer", "Session-Expires: 90;refresher=uac"])
    phone.requested("BYE", 100)
    media.close()
    phone.close()


test_session_that_nobody_refreshes_ends.waits = True
