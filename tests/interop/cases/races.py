"""What crosses on the way: forks and their losers, CANCEL and 200, BYE and re-INVITE, two offers at once, lost packets (RFC 3261, 5407)."""
import threading
import time

from cases.calls import registered, ringing
from cases.rest import Api
from support.check import Failure, check, equal, eventually, free_media_ports
from support.relay import Relay
from support.rtp import Media
from support.sip import Phone
from support.sipp import Run, Scenario, both, run, sdp

SIP = "application/sdp"
# Those of the first 200 with which most is lost, or which take longest.
LOSSY_SEEDS = (30, 73, 75, 81, 134, 138, 154, 157)


def invite_answer(scenario, status, reason, body=""):
    """To the INVITE, where the last request was its CANCEL: that has all of the INVITE's but the method."""
    scenario.answer(status, reason, body=body, tag=True)
    scenario.steps[-1] = scenario.steps[-1].replace("[last_CSeq:]", "CSeq: [cseq] INVITE")
    return scenario


def test_sipp_fork_cancels_the_losers(context):
    """Of three phones that ring one answers; the others are cancelled with the reason (RFC 3326) and their 487 is acknowledged."""
    def loser():
        s = ringing().answer(180, "Ringing", tag=True).recv("CANCEL", has={"Reason": "cause=200"}).answer(200)
        return invite_answer(s, 487, "Request Terminated").recv("ACK").pause(200)
    for transport in ("udp", "tcp"):
        losers = [Run(context, context.server, loser(), transport) for _ in range(2)]
        winner = Run(context, context.server, ringing().answer(180, "Ringing", tag=True).pause(600).answer(200, body=sdp(), tag=True).recv("ACK")
                     .recv("BYE").answer(200), transport)
        registered(context, "bob", *[r.port for r in (*losers, winner)], transport=transport)
        run(context, context.server, Scenario("bob").invite().recv(100, optional=True).recv(180).recv(180, optional=True).recv(200, body="m=audio [1-9]")
            .ack().pause(300).bye(), transport)
        for i, one in enumerate((*losers, winner)):
            one.finish(f"phone {i} over {transport}")


def test_sipp_cancel_crosses_200_of_the_phone(context):
    """The phone has answered when CANCEL comes: Parley acknowledges and hangs up; its caller, who gave up, gets 487 (RFC 5407 3.1.2)."""
    for transport in ("udp", "tcp"):
        s = invite_answer(ringing().answer(180, "Ringing", tag=True).recv("CANCEL"), 200, "OK", sdp())
        s.recv("ACK").recv("BYE").answer(200)
        phone = Run(context, context.server, s, transport)
        registered(context, "bob", phone.port, transport=transport)
        run(context, context.server, Scenario("bob").invite().called(180).cancel().recv(200, has={"CSeq": "CANCEL"}).recv(487).ack_refusal().pause(200), transport)
        phone.finish(f"the phone over {transport}")


def test_cancel_crosses_200_of_parley(context):
    """A room answers at once: CANCEL comes too late, is answered, and changes nothing (RFC 3261 9.2)."""
    for transport in ("udp", "tcp"):
        phone, media = Phone(context.server, transport), Media()
        uri = f"sip:cancelled@127.0.0.1:{phone.remote}"
        more = dict(call_id="crossing-" + transport, from_tag="one", via=phone.via())
        phone.send(phone.request("INVITE", uri, body=media.sdp(), content_type=SIP, **more))
        phone.send(phone.request("CANCEL", uri, contact="", **more))
        check(phone.final("CANCEL").status in (200, 481), "the answer to CANCEL")
        answer = phone.final("INVITE")
        equal(answer.status, 200, "the answer to INVITE")
        again = dict(to=answer.get("To"), call_id=more["call_id"], from_tag="one")
        phone.send(phone.request("ACK", answer.contact(), **again))
        phone.send(phone.request("OPTIONS", answer.contact(), cseq=2, **again))
        equal(phone.final("OPTIONS").status, 200, "OPTIONS in the call")
        phone.send(phone.request("BYE", answer.contact(), cseq=3, **again))
        equal(phone.final("BYE").status, 200, "BYE")
        media.close()
        phone.close()


def two_in_a_call(context, name):
    """Bob's phone, and alice's as the caller's dialog."""
    bob, caller, media = Phone(context.server, user="bob"), Phone(context.server), Media()
    bob.register(contact="*", expires=0)
    bob.register()
    caller.send(caller.request("INVITE", "sip:bob@127.0.0.1", body=media.sdp(), content_type=SIP, call_id=name, from_tag="one"))
    invite = bob.requested("INVITE")
    bob.answer(invite, 200, body=media.sdp())
    bob.requested("ACK")
    answer = caller.final("INVITE")
    equal(answer.status, 200, "INVITE")
    ours = dict(to=answer.get("To"), call_id=name, from_tag="one")
    caller.send(caller.request("ACK", answer.contact(), **ours))
    theirs = dict(uri=invite.contact(), to=invite.get("From"), call_id=invite.get("Call-ID"), from_tag="bobtag")
    return bob, caller, media, dict(uri=answer.contact(), **ours), theirs


def test_bye_crosses_reinvite_of_the_other_end(context):
    """Both ends act at once: who offers anew gets a final answer and then nothing but BYE, who hangs up gets 200 (RFC 5407 3.2.3)."""
    for round in range(5):
        bob, caller, media, ours, theirs = two_in_a_call(context, f"bye-reinvite-{round}")
        requests = (bob, bob.request("BYE", contact="", **theirs)), (caller, caller.request("INVITE", cseq=2, body=media.sdp(version=2), content_type=SIP, **ours))
        for phone, request in requests if round % 2 else reversed(requests):
            phone.send(request)
        equal(bob.final("BYE").status, 200, "BYE")
        answer = caller.final("INVITE")
        check(answer.status in (200, 481, 487), f"re-INVITE: {answer}")
        caller.send(caller.request("ACK", cseq=2, **ours))
        bye = caller.wait(lambda m: m.method == "BYE", 5, "BYE")
        caller.answer(bye, 200)
        media.close()
        bob.close()
        caller.close()


def test_bye_behind_an_open_reinvite(context):
    """Without waiting for the answer to its re-INVITE a phone hangs up: both are answered, the call is gone."""
    for transport in ("udp", "tcp"):
        phone, media = Phone(context.server, transport), Media()
        dialog = phone.call("hurry", media)
        phone.send(dialog.make("INVITE", body=media.sdp("sendonly", 2), content_type=SIP))
        number = dialog.number
        phone.send(dialog.make("BYE"))
        equal(phone.wait(lambda m: m.status >= 200 and m.cseq == (number + 1, "BYE"), 5, "BYE").status, 200, "BYE")
        answer = phone.wait(lambda m: m.status >= 200 and m.cseq == (number, "INVITE"), 5, "an answer to the re-INVITE")
        check(answer.status in (200, 481, 487), f"re-INVITE: {answer}")
        phone.send(dialog.make("ACK", cseq=number))
        equal(dialog.ask("OPTIONS").status, 481, "OPTIONS after BYE")
        media.close()
        phone.close()


def test_both_offer_at_once(context):
    """Our refresh is out when the phone's own re-INVITE comes: 491 to that, and the call goes on (RFC 3261 14.2)."""
    phone, media = Phone(context.server), Media()
    dialog = phone.call("both-offer", media, headers=["Supported: timer", "Session-Expires: 90;refresher=uas", "Allow: INVITE, ACK, BYE, CANCEL"])
    refresh = phone.wait(lambda m: m.method == "INVITE", 60, "the refresh")
    equal(dialog.ask("INVITE", body=media.sdp("sendonly", 2), content_type=SIP).status, 491, "an offer that crosses")
    dialog.ack()
    phone.answer(refresh, 200, body=media.sdp(version=3), headers=["Session-Expires: 90;refresher=uac", "Require: timer"])
    phone.requested("ACK")
    equal(dialog.ask("INVITE", body=media.sdp("sendonly", 4), content_type=SIP).status, 200, "the same when all is settled")
    dialog.ack()
    dialog.bye()
    media.close()
    phone.close()


test_both_offer_at_once.waits = True


def patient_callee(user):
    """INVITEs may come again while its answers are lost; the BYE may come before the ACK, whose own was lost."""
    s = ringing(user).answer(180, "Ringing", tag=True).answer(200, body=sdp(), tag=True)
    for _ in range(5):
        s.recv("INVITE", optional=True)
    return s.recv("ACK", optional=True).recv("BYE", timeout=30000).answer(200).pause(4000)


def patient_caller(user):
    """A 200 of the INVITE's that comes again while it waits for the BYE's is acknowledged again."""
    s = Scenario(user).invite().recv(100, optional=True).recv(180, optional=True).recv(200, body="m=audio [1-9]", timeout=25000)
    s.label(1).ack().pause(300)
    s.inside("BYE").marked(start_txn="bye").recv(200, optional=True).marked(response_txn="bye", next=2)
    return s.recv(200, timeout=20000).marked(next=1).label(2).pause(100)


def sipp_that_runs(tries=5, **options):
    """A port that was free when it was chosen may be taken when sipp gets there, on a machine with much to do: then with others."""
    for _ in range(tries):
        one = Run(port=free_media_ports(1), **options)
        time.sleep(1)
        if one.process.poll() is None:
            break
    return one


def call_through_losses(context, server, user, seed):
    called, calling = Relay(server, f"{seed} called"), Relay(server, f"{seed} caller")
    phone = Phone(server, user=user)
    phone.register(contact=f"<sip:{user}@127.0.0.1:{called.port}>")
    phone.close()
    callee = sipp_that_runs(context=context, server=called, scenario=patient_callee(user), seconds=60)
    called.phone = "127.0.0.1", callee.port
    try:
        for _ in range(5):
            try:
                run(context, calling, patient_caller(user), seconds=60)
                break
            except Failure:
                if calling.record:   # it did run
                    raise
        callee.finish("the called phone")
        check(called.lost() + calling.lost() > 0, "nothing was lost")
    except Failure as why:
        raise Failure(f"{why}; {calling.story()}; {called.story()}") from None
    finally:
        callee.stop()
        called.close()
        calling.close()


def test_sipp_through_losses(context):
    """A quarter of all packets of both phones is lost: retransmissions carry each call (RFC 3261 17), nobody is called twice, and nothing is left."""
    users = [f"lossy{i}" for i in range(len(LOSSY_SEEDS))]
    server, failures = context.start(name="losses", accounts=users), []

    def one(user, seed):
        try:
            call_through_losses(context, server, user, seed)
        except Failure as why:
            failures.append(str(why))
    threads = [threading.Thread(target=one, args=pair, daemon=True) for pair in zip(users, LOSSY_SEEDS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(not failures, " || ".join(failures))
    eventually(lambda: not Api(server).ask("GET", "/calls")[1]["calls"], 10, lambda: f"calls are left: {Api(server).ask('GET', '/calls')}")
    server.stop()
