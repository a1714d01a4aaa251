"""Attended transfers and calls that take another's place, by a phone that is written out: REFER with Replaces (RFC 5589 section 7), INVITE with
Replaces (RFC 3891)."""
import threading
from urllib.parse import quote

from support import audio
from support.check import check, equal, eventually
from support.rtp import Media
from support.sip import Phone


class Answering:
    """bob, who answers the next call."""

    def __init__(self, context, frequency):
        self.phone = Phone(context.server, user="bob")
        self.phone.register(contact="*", expires=0)
        self.phone.register()
        self.media = Media(frequency)
        self.thread = threading.Thread(target=self._answer, daemon=True)
        self.thread.start()

    def _answer(self):
        self.invite = self.phone.requested("INVITE", 10)
        self.phone.answer(self.invite, 200, body=self.media.sdp())
        self.phone.requested("ACK")
        self.media.send_to(self.invite.media())

    def close(self):
        self.phone.answer(self.phone.requested("BYE"), 200)
        self.phone.register(contact="*", expires=0)
        self.phone.close()
        self.media.close()


def replaces(call):
    return f"{call.call_id};to-tag={call.answer.tag()};from-tag={call.tag}"


def hears(media, frequency, who):
    eventually(lambda: audio.amplitude(media.heard(0.5), frequency) > 2500, 8, f"{who} does not hear {frequency} Hz")


def called(context, phone, media, frequency):
    bob = Answering(context, frequency)
    call = phone.call("bob", media)
    media.send_to(call.remote_media)
    bob.thread.join(5)
    return bob, call


def test_refer_with_replaces(context):
    """A guest has called bob and is in a room; it puts bob in its own place there."""
    other, guest = Phone(context.server), Phone(context.server)
    media = [Media(600), Media(1000), Media(1000)]
    room = other.call("transfers", media[0])
    media[0].send_to(room.remote_media)
    bob, first = called(context, guest, media[1], 1700)
    hears(bob.media, 1000, "bob")
    second = guest.call("transfers", media[2])
    stolen = first.ask("REFER", headers=[f"Refer-To: <sip:transfers@127.0.0.1?Replaces={quote(replaces(room))}>"])
    equal(stolen.status, 202, "REFER with another's dialog")
    told = [guest.requested("NOTIFY")]
    guest.answer(told[-1], 200)
    told.append(guest.requested("NOTIFY"))
    guest.answer(told[-1], 200)
    check(b" 403 " in told[-1].body, f"told {told[-1].body}")
    equal(first.ask("REFER", headers=[f"Refer-To: <sip:transfers@127.0.0.1?Replaces={quote(replaces(second))}>"]).status, 202, "REFER")
    for wanted in (b" 100 ", b" 200 "):
        notify = guest.requested("NOTIFY")
        guest.answer(notify, 200)
        check(wanted in notify.body and notify.get("Event").startswith("refer"), f"told {notify.body}")
    for _ in range(2):
        guest.answer(guest.requested("BYE"), 200)
    hears(bob.media, 600, "bob")
    hears(media[0], 1700, "who is in the room")
    check(audio.amplitude(bob.media.heard(0.5), 1000) < 400, "bob hears who has left")
    told = bob.phone.requested("INVITE", 15)      # it allows no UPDATE
    check("<sip:transfers@" in told.get("P-Asserted-Identity"), f"bob is told {told.get('P-Asserted-Identity')}")
    bob.phone.answer(told, 200, body=bob.media.sdp())
    bob.phone.requested("ACK")
    hears(bob.media, 600, "bob, who was told,")
    room.bye()
    bob.phone.send(bob.phone.request("BYE", bob.invite.contact(), to=bob.invite.get("From"), call_id=bob.invite.get("Call-ID"), cseq=5,
                                     from_tag="bobtag", user="bob"))
    equal(bob.phone.final("BYE").status, 200, "bob's BYE")
    bob.phone.register(contact="*", expires=0)
    for each in (other, guest, bob.phone, bob.media, *media):
        each.close()


def test_refer_in_a_room(context):
    """A guest in a room has bob called in (RFC 4579), and leaves."""
    other, guest = Phone(context.server), Phone(context.server)
    media = [Media(600), Media(1000)]
    rooms = [phone.call("called-in", each) for phone, each in ((other, media[0]), (guest, media[1]))]
    for each, room in zip(media, rooms):
        each.send_to(room.remote_media)
    bob = Answering(context, 1700)
    equal(rooms[1].ask("REFER", headers=["Refer-To: <sip:bob@127.0.0.1>"]).status, 202, "REFER")
    bob.thread.join(10)
    check("<sip:called-in@" in bob.invite.get("From"), f"bob is called by {bob.invite.get('From')}")
    told = b""
    while b" 200 " not in told:
        notify = guest.requested("NOTIFY")
        guest.answer(notify, 200)
        told = notify.body
    rooms[1].bye()
    hears(bob.media, 600, "bob")
    hears(media[0], 1700, "who is in the room")
    bob.phone.send(bob.phone.request("BYE", bob.invite.contact(), to=bob.invite.get("From"), call_id=bob.invite.get("Call-ID"), cseq=5,
                                     from_tag="bobtag", user="bob"))
    equal(bob.phone.final("BYE").status, 200, "bob's BYE")
    rooms[0].bye()
    bob.phone.register(contact="*", expires=0)
    for each in (other, guest, bob.phone, bob.media, *media):
        each.close()


def test_invite_with_replaces_by_a_guest(context):
    """Knowing a dialog is not enough: nobody but an account takes another's place."""
    guest, thief = Phone(context.server), Phone(context.server)
    media = Media(800)
    bob, call = called(context, guest, media, 1300)
    thief.send(thief.request("INVITE", "sip:bob@127.0.0.1", headers=[f"Replaces: {replaces(call)}", "Require: replaces"], body=media.sdp(),
                             content_type="application/sdp"))
    equal(thief.final("INVITE").status, 403, "INVITE with Replaces")
    hears(bob.media, 800, "bob")
    call.bye()
    bob.close()
    for each in (guest, thief, media):
        each.close()
