"""Text in a call: between three legs, in order, byte for byte; what is refused (spec: Enhanced Messaging A.1 to A.3, B.1, B.2)."""
import json
import time

from cases.faults import Pager
from support.check import check, equal
from support.rtp import Media
from support.sip import Phone
from support.sipp import Run, Scenario
from support.websocket import WebSocket

EVENTS = "application/x-asterisk-confbridge-event+json"


class Room:
    """Legs in a room, one for each transport named."""

    def __init__(self, context, name, transports, headers=()):
        self.media = Media()
        self.phones = [Phone(context.server, web=WebSocket(context.server.http)) if t == "ws" else Phone(context.server, t) for t in transports]
        self.calls = [p.call(name, self.media, headers=headers, display=f"Phone {i}") for i, p in enumerate(self.phones)]
        for i in range(len(self.calls)):
            self.has_been_read(i)

    def has_been_read(self, i):
        """What phone `i` has sent, an ACK or an answer: by another connection a text may overtake it."""
        equal(self.calls[i].ask("OPTIONS").status, 200, "OPTIONS")

    def copy(self, i, seconds=5):
        message = self.phones[i].requested("MESSAGE", seconds)
        self.phones[i].answer(message, 200)
        return message

    def close(self):
        for call, phone in zip(self.calls, self.phones):
            call.bye()
            phone.close()
        self.media.close()


def test_sipp_three_legs(context):
    """One by UDP writes, one by UDP and one by TCP read, in order."""
    count = 5

    def reader(name):
        s = Scenario("text", display=name).invite().called().recv(200).ack()
        for i in range(count):
            s.recv("MESSAGE", body=f"line {i}", has={"Content-Type": "text/plain", "From": "Writer", "Parley-Sequence": "[0-9]"}).answer(200)
        return s.pause(100).bye()

    readers = [Run(context, context.server, reader("A"), "udp"), Run(context, context.server, reader("B"), "tcp")]
    time.sleep(0.7)
    s = Scenario("text", display="Writer").invite().called().recv(200).ack()
    for i in range(count):
        s.inside("MESSAGE", body=f"line {i}", content_type="text/plain").recv(202).pause(50)   # sipp reads one message at a time
    writer = Run(context, context.server, s.bye())
    writer.finish("the writer")
    for r in readers:
        r.finish("a reader")


def test_bytes_and_type_are_kept(context):
    room = Room(context, "bytes", ["udp", "tcp", "tls", "ws"])
    bodies = ["Grüße, 世界 🎉\r\n\r\nzweite Zeile".encode(), b"with\0zero", b"x" * 1100, ("ä" * 25000).encode(), bytes(range(256)) * 3]
    kinds = ["text/plain;charset=UTF-8", 'application/x-my+json;  A="b c"', "TEXT/Html", "text/x", "application/octet-stream"]
    for body, kind in zip(bodies, kinds):
        for sender in (1, 3):
            equal(room.calls[sender].text(body, kind).status, 202, f"{kind} from {sender}")
            for i in range(4):
                # The phone by UDP has no TCP port: it gets the long one by UDP all the same.
                if i == sender:
                    continue
                got = room.copy(i)
                equal(got.get("Content-Type"), kind, "Content-Type")
                check(got.body == body, f"body of {kind}")
                check(f'"Phone {sender}"' in got.get("From"), f"From {got.get('From')}")
    for phone in room.phones:
        phone.nothing(lambda m: m.method == "MESSAGE", 0.3, "a copy too many")
        phone.inbox.clear()
    room.close()


def test_request_uri_of_a_copy_is_the_contact(context):
    room = Room(context, "contact", ["udp", "ws"])
    room.calls[0].text("x")
    copy = room.copy(1)
    equal(copy.start, f"MESSAGE {room.phones[1].contact()} SIP/2.0", "start line")
    check(room.calls[1].tag in copy.get("To"), "To has not the leg's tag")
    check(copy.get("Parley-Participant") == room.calls[0].answer.get("Parley-Participant") != "", "Parley-Participant")
    check(copy.get("Parley-Message-ID") and copy.get("Date"), "no Parley-Message-ID or Date")
    room.close()


def test_refusals(context):
    room = Room(context, "refusals", ["udp", "tcp", "tcp"])
    for call in room.calls[:2]:
        empty = call.ask("MESSAGE", contact="")
        equal(empty.status, 415, "no body")
        other = call.text("x", "image/png")
        equal(other.status, 415, "image/png")
        check("text/*" in other.get("Accept"), f"Accept {other.get('Accept')}")
        equal(call.ask("MESSAGE", body="x").status, 415, "no Content-Type")
    equal(room.calls[1].text("x" * 65537).status, 413, "65537 bytes")
    equal(room.calls[1].text("x" * 65536).status, 202, "65536 bytes")
    equal(len(room.copy(2).body), 65536, "the copy")
    equal(room.calls[0].text("x", "TEXT/PLAIN").status, 202, "capital letters")
    room.copy(1), room.copy(2)
    room.phones[0].nothing(lambda m: m.method == "MESSAGE" and len(m.body) < 60000, 0.3, "the sender's own copy")
    stranger = Phone(context.server)
    stranger.send(room.calls[0].make("MESSAGE", body="x", content_type="text/plain", from_tag="nobody"))
    equal(stranger.final("MESSAGE").status, 481, "MESSAGE of no dialog")
    check(stranger.ask("MESSAGE", uri="sip:refusals@127.0.0.1", body="x", content_type="text/plain").status in (401, 407), "a stranger's MESSAGE")
    room.close()


def test_limits_hold_outside_calls_too(context):
    """[messages] of the configuration, for a MESSAGE in no dialog."""
    server = context.start(name="limits", extra='[messages]\nmax_size = 100\n')
    pager = Pager(server)
    equal(pager.send("carol", "x" * 100).status, 202, "100 bytes")
    equal(pager.send("carol", "x" * 101).status, 413, "101 bytes")
    pager.close()
    server.stop()


def test_retransmitted_message_is_one(context):
    room = Room(context, "twice", ["udp", "tcp"])
    message = room.calls[0].make("MESSAGE", body="once", content_type="text/plain")
    for _ in range(3):
        room.phones[0].send(message)
    for _ in range(3):
        equal(room.phones[0].final("MESSAGE").status, 202, "its answers")
    room.copy(1)
    room.phones[1].nothing(lambda m: m.method == "MESSAGE", 0.4, "a second copy")
    room.close()


def test_recipient_that_refuses_stays(context):
    """A.2: 405, 415 and 501 are remembered and cost nothing else; 481 ends that leg."""
    room = Room(context, "takes", ["udp", "tcp", "tcp"])
    room.calls[0].text("a", "text/x-one")
    refused = room.phones[1].requested("MESSAGE")
    room.phones[1].answer(refused, 415, "Unsupported Media Type")
    room.has_been_read(1)
    room.copy(2)
    room.calls[0].text("b", "text/x-one")
    room.copy(2)
    room.calls[0].text("c", "text/x-two")
    equal(room.copy(1).body, b"c", "what the refusing one gets next")
    room.copy(2)
    room.calls[0].text("d")
    gone = room.phones[2].requested("MESSAGE")
    room.phones[2].answer(gone, 481, "Call/Transaction Does Not Exist")
    room.copy(1)
    time.sleep(0.3)
    equal(room.calls[1].ask("OPTIONS").status, 200, "the refusing one's call")
    equal(room.calls[2].ask("OPTIONS").status, 481, "the call that was answered 481")
    room.phones.pop().close()
    room.calls.pop()
    room.close()


def test_order_is_the_same_for_all(context):
    """B.1: three write 40 each at once; every one sees the others' in one order, none lost, none twice."""
    room = Room(context, "order", ["udp", "tcp", "ws"])
    each = 40
    seen = [[] for _ in room.phones]
    for n in range(each):
        for call, phone in zip(room.calls, room.phones):
            phone.send(call.make("MESSAGE", body=f"{phone.user} {n}", content_type="text/plain"))
    end = time.monotonic() + 20
    accepted = 0
    while time.monotonic() < end and (min(map(len, seen)) < 2 * each or accepted < 3 * each):
        for phone, got in zip(room.phones, seen):
            phone.inbox += phone._read(0.005)
            for m in [m for m in phone.inbox if m.method == "MESSAGE"]:
                phone.answer(m, 200)
                number = int(m.get("Parley-Sequence"))
                if (number, m.body) not in got:
                    got.append((number, m.body))
            accepted += len({m.cseq for m in phone.inbox if m.status == 202})
            phone.inbox = []
    equal([len(g) for g in seen], [2 * each] * 3, "copies")
    order = {}
    for got in seen:
        equal(got, sorted(got), "order at one")
        for number, body in got:
            equal(order.setdefault(number, body), body, "the same number")
    equal(len(order), 3 * each, "numbers")
    room.close()


def test_events_are_opt_in(context):
    quiet = Room(context, "events", ["udp"])
    asking = Room(context, "events", ["tcp", "ws"], headers=[f"Accept: application/sdp, {EVENTS}"])
    welcome = json.loads(asking.copy(0).body)
    equal(welcome["type"], "ConfbridgeWelcome", "the joiner's event")
    equal(len(welcome["channels"]), 2, "channels")
    join = asking.copy(0)
    equal(join.get("Content-Type"), EVENTS, "its type")
    check('"events"' in join.get("From"), f"From {join.get('From')}")
    equal(json.loads(join.body)["channels"][0]["caller"]["name"], "Phone 1", "who joined")
    equal(json.loads(asking.copy(1).body)["type"], "ConfbridgeWelcome", "the second joiner's event")
    quiet.close()
    left = json.loads(asking.copy(0).body)
    equal((left["type"], left["channels"][0]["reason"]), ("ConfbridgeLeave", "left"), "event")
    check(not quiet.phones[0].inbox, "one who didn't ask got events")
    asking.copy(1)
    asking.close()


def test_two_party_call_carries_text(context):
    server = context.server
    bob, alice, media = Phone(server, "tcp", user="bob"), Phone(server), Media()
    bob.register(contact="*", expires=0)
    bob.register()
    alice.send(alice.request("INVITE", "sip:bob@127.0.0.1", body=media.sdp(), content_type="application/sdp", call_id="text2", from_tag="a"))
    invite = bob.requested("INVITE")
    bob.answer(invite, 200, body=media.sdp())
    bob.requested("ACK")
    answer = alice.final("INVITE")
    more = dict(to=answer.get("To"), call_id="text2", from_tag="a", contact="")
    alice.send(alice.request("ACK", answer.contact(), **more))
    alice.send(alice.request("MESSAGE", answer.contact(), cseq=2, body="hello Bob", content_type="text/plain", **more))
    equal(alice.final("MESSAGE").status, 202, "MESSAGE")
    got = bob.requested("MESSAGE")
    equal(got.body, b"hello Bob", "the copy")
    bob.answer(got, 200)
    bob.send(bob.request("MESSAGE", invite.contact(), to=invite.get("From"), call_id=invite.get("Call-ID"), from_tag="bobtag", contact="",
                         body="hello Alice", content_type="text/plain"))
    equal(bob.final("MESSAGE").status, 202, "MESSAGE back")
    got = alice.requested("MESSAGE")
    equal(got.body, b"hello Alice", "the copy back")
    alice.answer(got, 200)
    alice.send(alice.request("BYE", answer.contact(), cseq=3, **more))
    equal(alice.final("BYE").status, 200, "BYE")
    bob.answer(bob.requested("BYE"), 200)
    media.close()
    alice.close()
    bob.close()
