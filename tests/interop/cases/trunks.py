"""Trunks: a provider that challenges, callers' numbers, calls in and out, who may not call out, a provider that is away, two Parleys."""
import re
import socket
import threading
import time

from cases.rest import Api
from support import audio
from support.check import Skip, check, equal, eventually, free_media_ports, free_port
from support.provider import Provider
from support.rtp import Media
from support.server import PASSWORD, can_have_hosts
from support.sip import Phone, authorization, token


class Outside:
    """A provider, a Parley that is its customer, and alice with her phone."""

    def __init__(self, context, name, rules="", trunk="", top="", provider=None):
        self.provider = provider or Provider()
        self.provider.media = Media(1000)
        self.server = context.start(name=name, top=top, extra=f'''
[[trunk]]
name = "provider"
server = "127.0.0.1:{self.provider.port}"
username = "4930123"
password = "wonderland"
realm = "provider.example"
domain = "provider.example"
register = true
{trunk}
[[rule]]
name = "out"
pattern = "0(?P<rest>[0-9]+)"
from = ["accounts"]
to = "trunk:provider"
number = "+49{{rest}}"
[[rule]]
name = "in"
pattern = '\\+4930123'
from = ["trunk:provider"]
to = "account:alice"
{rules}
''')
        eventually(lambda: self.provider.contact, 5, lambda: f"not registered: {self.provider.requests} {self.provider.failures} {self.server.log_text()[-300:]}")
        time.sleep(0.1)   # the answer to it is on its way
        self.alice = Phone(self.server, user="alice")
        self.alice.register()
        self.media = Media(440)

    def close(self):
        self.alice.close()
        self.media.close()
        self.provider.media.close()
        self.provider.close()
        self.server.stop()


def invite_as(phone, to, media, seconds=5, display=None, password=PASSWORD):
    """An account's call: the challenge answered; its final answer, acknowledged, and what is needed to end it."""
    uri = f"sip:{to}@127.0.0.1:{phone.remote}"
    call = dict(call_id=token(16), from_tag=token(), body=media.sdp(), content_type="application/sdp", display=display)
    def send(cseq, headers=()):
        via = phone.via()
        phone.send(phone.request("INVITE", uri, cseq=cseq, headers=headers, via=via, **call))
        return via
    def ack(answer, cseq, via):
        target = answer.contact() if answer.status == 200 else uri
        phone.send(phone.request("ACK", target, to=answer.get("To"), call_id=call["call_id"], from_tag=call["from_tag"], cseq=cseq,
                                 via=phone.via() if answer.status == 200 else via))
    via = send(1)
    challenge = phone.final("INVITE", seconds)
    equal(challenge.status, 401, "INVITE without credentials")
    ack(challenge, 1, via)
    via = send(2, [authorization(challenge, "INVITE", uri, phone.user, password)])
    answer = phone.final("INVITE", seconds)
    ack(answer, 2, via)
    def bye():
        phone.send(phone.request("BYE", answer.contact(), to=answer.get("To"), call_id=call["call_id"], from_tag=call["from_tag"], cseq=3))
        equal(phone.final("BYE").status, 200, "BYE")
    return answer, bye


def registered(server):
    return ": registered at" in server.log_text()


def hears(media, frequency, why, seconds=15):
    eventually(lambda: audio.amplitude(media.heard(0.5), frequency) > 2500, seconds, why)


def test_registration_is_kept_fresh_and_taken_back(context):
    """Renewed before it ends; a nonce that is refused as stale is replaced at once; taken back at the end."""
    provider = Provider(granted=4)
    world = Outside(context, "registers", provider=provider)
    first = len(provider.of("REGISTER"))
    equal(first, 2, "REGISTERs, the first challenged")
    check(re.match(r"REGISTER sip:provider.example SIP", provider.of("REGISTER")[0].start), "the Request-URI is not the domain")
    check("<sip:4930123@provider.example>" in provider.of("REGISTER")[0].get("To"), "another address of record")
    provider.wait("REGISTER", 3)
    check(provider.of("REGISTER")[2].get("Authorization"), "the nonce that is known is not used again")
    provider.forget_nonce()
    provider.wait("REGISTER", 5)
    check(provider.contact, "not registered after a stale nonce")
    equal(provider.failures, [], "the provider's failures")
    world.server.stop()
    eventually(lambda: provider.contact is None, 5, "the registration was not taken back")
    check("wonderland" not in world.server.log_text(), "the password stands in the log")
    equal(world.server.log_text().count(": registered at"), 1, "lines of one change of state")
    world.close()


def test_call_out(context):
    """By digest on INVITE, with the number that the rules make; both hear each other, and it ends from either side."""
    world = Outside(context, "out")
    answer, bye = invite_as(world.alice, "030987654", world.media, display="Alice")
    equal(answer.status, 200, "the call")
    world.media.send_to(answer.media())
    invite = world.provider.wait("INVITE", 2)
    equal(invite.start, "INVITE sip:+4930987654@provider.example SIP/2.0", "what is called")
    check(invite.get("Proxy-Authorization"), "no credentials")
    check("sip:4930123@provider.example" in invite.get("From"), f"the caller is {invite.get('From')}")
    for name in ("Parley-Participant", "Parley-Resume", "P-Asserted-Identity"):
        equal(invite.all(name), [], name)
    hears(world.media, 1000, "alice does not hear the other")
    hears(world.provider.media, 440, "the other does not hear alice")
    bye()
    world.provider.wait("BYE")
    equal(world.provider.failures, [], "the provider's failures")
    world.close()


def test_caller_numbers(context):
    """Of the rule, of the trunk, and a name only where it is to be shown."""
    rules = '''
[[rule]]
name = "shown"
pattern = "7(?P<rest>[0-9]+)"
from = ["accounts"]
to = "trunk:provider"
number = "{rest}"
caller_number = "+4930555"
'''
    world = Outside(context, "callers", rules=rules, trunk='caller_number = "+49301234"\nshow_caller_name = false')
    world.provider.answer = "busy"
    answer, _ = invite_as(world.alice, "01", world.media, display="Alice")
    equal(answer.status, 486, "a busy one")
    of_trunk = world.provider.of("INVITE")[-1].get("From")
    check("<sip:+49301234@provider.example>" in of_trunk and "Alice" not in of_trunk, f"of the trunk: {of_trunk}")
    invite_as(world.alice, "7110", world.media, display="Alice")
    last = world.provider.of("INVITE")[-1]
    check("<sip:+4930555@provider.example>" in last.get("From"), f"of the rule: {last.get('From')}")
    check(last.start.startswith("INVITE sip:110@"), last.start)
    world.close()


def test_early_media(context):
    """What the provider plays before the answer is heard."""
    world = Outside(context, "early")
    world.provider.answer = "early"
    result = []
    thread = threading.Thread(target=lambda: result.append(invite_as(world.alice, "030111", world.media, seconds=10)), daemon=True)
    thread.start()
    hears(world.media, 1000, "no early media")
    check(not result, "answered too soon")
    world.provider.pick_up()
    thread.join(5)
    equal(result[0][0].status, 200, "the answer")
    result[0][1]()
    world.close()


def test_call_in(context):
    """From the provider, by a rule to an account; the caller's number and name are shown."""
    world = Outside(context, "in")
    call = world.provider.call("+4930123")
    invite = world.alice.requested("INVITE")
    check("+494012345" in invite.get("From") and "Somebody Outside" in invite.get("From"), f"alice sees {invite.get('From')}")
    world.alice.answer(invite, 180, "Ringing")
    world.alice.answer(invite, 200, "OK", body=world.media.sdp())
    equal(call.final().status, 200, "the call")
    world.media.send_to(invite.media())
    hears(world.media, 1000, "alice does not hear the caller")
    hears(world.provider.media, 440, "the caller does not hear alice")
    equal(call.bye().status, 200, "BYE")
    world.alice.answer(world.alice.requested("BYE"), 200)
    equal(world.provider.call("+4930999").final().status, 404, "a number that nobody has")
    world.close()


def test_survival_item_24_nobody_else_is_the_provider(context):
    """A call from another address is not the provider's; guests, strangers and the provider itself can't call out."""
    world = Outside(context, "strangers", top="guests = false")
    stranger = Provider()
    stranger.media = world.provider.media
    where = re.sub(r"trunk-\w+@", "%2B4930123@", world.provider.contact)
    equal(stranger.call("+4930123", uri=where).final().status, 401, "a call from elsewhere")
    equal(stranger.call("+4930123", uri=re.sub("sip:.*@", "sip:0123@", where)).final().status, 401, "a stranger's call out")
    world.alice.nothing(lambda m: m.method == "INVITE", 0.3, "alice is rung by a stranger")
    count = len(world.provider.of("INVITE"))
    equal(world.provider.call("0123", uri=re.sub("sip:.*@", "sip:0123@", where)).final().status, 404, "the provider's call out")
    equal(len(world.provider.of("INVITE")), count, "INVITEs at the provider")
    stranger.close()
    world.close()


def test_survival_item_24_guests_do_not_call_out(context):
    world = Outside(context, "guests", top="guests_create_rooms = false")
    guest = Phone(world.server)
    answer = guest.ask("INVITE", uri=f"sip:030123@127.0.0.1:{guest.remote}", body=world.media.sdp(), content_type="application/sdp")
    check(answer.status in (403, 404), f"a guest's call out: {answer}")
    equal(world.provider.of("INVITE"), [], "INVITEs at the provider")
    guest.close()
    world.close()


def test_survival_item_6_no_password_for_another(context):
    """A provider that says another realm is told nothing, and the log says no password."""
    provider = Provider(realm="elsewhere.example")
    server = context.start(name="realm", extra=f'''
[[trunk]]
name = "provider"
server = "127.0.0.1:{provider.port}"
username = "4930123"
password = "wonderland"
realm = "provider.example"
register = true
''')
    provider.wait("REGISTER")
    eventually(lambda: "not registered" in server.log_text(), 5, "the log does not say why")
    time.sleep(0.5)
    check(all(not m.get("Authorization") for m in provider.of("REGISTER")), "credentials for another realm")
    check("wonderland" not in server.log_text(), "the password stands in the log")
    server.stop()
    provider.close()


def test_provider_away(context):
    """Calls to a provider that is not there end soon."""
    server = context.start(name="away", extra=f'''
[[trunk]]
name = "registering"
server = "127.0.0.1:{free_port()}"
username = "x"
password = "y"
register = true
[[trunk]]
name = "tcp"
server = "127.0.0.1:{free_port()}"
transport = "tcp"
[[trunk]]
name = "unknown"
server = "nobody.invalid:5060"
[[rule]]
name = "r"
pattern = "1(?P<n>.*)"
to = "trunk:registering"
[[rule]]
name = "t"
pattern = "2(?P<n>.*)"
to = "trunk:tcp"
[[rule]]
name = "u"
pattern = "3(?P<n>.*)"
to = "trunk:unknown"
''')
    alice, media = Phone(server, user="alice"), Media()
    for number in ("123", "223", "323"):
        began = time.monotonic()
        answer, _ = invite_as(alice, number, media)
        check(answer.status in (480, 503), f"{number}: {answer}")
        check(time.monotonic() - began < 3, f"{number} took long")
    alice.close()
    media.close()
    server.stop()


def test_next_address(context):
    """Of a provider's two addresses one is dead: within the same call the other one takes it (RFC 3263 4.3), and the next call goes there at once."""
    if not can_have_hosts():
        raise Skip("no program can be given another /etc/hosts here")
    dead = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    port = free_media_ports(1)
    dead.bind(("127.0.0.2", port))
    provider = Provider(challenge=False, port=port)
    provider.media = Media(1000)
    # As they stand in the file, so they are tried.
    server = context.start(name="next", hosts="127.0.0.1 localhost\n127.0.0.2 provider.test\n127.0.0.1 provider.test\n", extra=f'''
[[trunk]]
name = "provider"
server = "provider.test:{port}"
[[rule]]
name = "out"
pattern = "0(?P<rest>[0-9]+)"
from = ["accounts"]
to = "trunk:provider"
number = "+49{{rest}}"
''')
    eventually(lambda: Api(server).ask("GET", "/trunks")[1]["trunks"][0]["reachable"], 15, "the provider's name is not found")
    alice, media = Phone(server, user="alice"), Media()
    for number in ("01", "02"):
        began = time.monotonic()
        answer, bye = invite_as(alice, number, media, seconds=30)
        equal(answer.status, 200, f"the call to {number}")
        took = time.monotonic() - began
        bye()
        provider.wait("BYE", int(number))
        dead.settimeout(0.2)
        asked = 0
        try:
            while True:
                asked += dead.recv(65536).startswith(b"INVITE sip:+49" + number[1:].encode())
        except socket.timeout:
            pass
        if number == "01":
            check(asked > 0, "the dead address was not asked")
            check(took > 3.5, f"it was given {took:.1f} s")
            first = began
        elif time.monotonic() - first < 20:   # for half a minute it is left out
            equal(asked, 0, "INVITEs to the address that is known to be dead")
    equal(provider.failures, [], "the provider's failures")
    for one in (alice, media, provider.media, provider, dead):
        one.close()
    server.stop()


test_next_address.waits = True


def test_what_else_a_trunk_may_ask(context):
    world = Outside(context, "rest")
    provider = world.provider
    provider.socket.sendto(provider.request("OPTIONS", f"sip:127.0.0.1:{world.server.udp}", "<sip:127.0.0.1>", token()), ("127.0.0.1", world.server.udp))
    answer = provider.responses.get(timeout=5)
    equal(answer.status, 200, "a trunk's OPTIONS")
    for method in ("MESSAGE", "NOTIFY"):
        provider.socket.sendto(provider.request(method, f"sip:alice@127.0.0.1:{world.server.udp}", "<sip:alice@127.0.0.1>", token()), ("127.0.0.1", world.server.udp))
        equal(provider.responses.get(timeout=5).status, 401, f"a trunk's {method}")
    world.close()


def test_two_parleys(context):
    """One is a customer of the other: calls both ways."""
    office = context.start(name="office")
    branch = context.start(name="branch", accounts=("alice",), extra=f'''
[[trunk]]
name = "office"
server = "127.0.0.1:{office.udp}"
username = "1000"
password = "{PASSWORD}"
realm = "parley"
domain = "127.0.0.1"
register = true
number = "alice"
[[rule]]
name = "out"
pattern = "8(?P<rest>.+)"
from = ["accounts"]
to = "trunk:office"
number = "{{rest}}"
''')
    eventually(lambda: registered(branch), 5, lambda: f"not registered: {branch.log_text()[-300:]}")
    alice, bob = Phone(branch, user="alice"), Phone(office, user="bob")
    alice.register()
    bob.register()
    media = [Media(440), Media(880)]

    def talk(caller, callee, number, from_media, to_media, tones, shown):
        result = []
        thread = threading.Thread(target=lambda: result.append(invite_as(caller, number, from_media, seconds=10)), daemon=True)
        thread.start()
        invite = callee.requested("INVITE", 8)
        check(shown in invite.get("From"), f"shown: {invite.get('From')}")
        callee.answer(invite, 200, "OK", body=to_media.sdp())
        to_media.send_to(invite.media())
        thread.join(8)
        check(result, "no answer")
        answer, bye = result[0]
        equal(answer.status, 200, f"the call to {number}")
        from_media.send_to(answer.media())
        hears(from_media, tones[1], f"{number}: the caller hears nothing")
        hears(to_media, tones[0], f"{number}: the callee hears nothing")
        bye()
        callee.answer(callee.requested("BYE"), 200)

    talk(alice, bob, "8bob", media[0], media[1], (440, 880), "sip:1000@")
    talk(bob, alice, "1000", media[1], media[0], (880, 440), "bob")
    for thing in (alice, bob, *media):
        thing.close()
    branch.stop()
    office.stop()


def test_tls_trunk(context):
    """The other's certificate is verified, by its name and who signed it; a call goes over it."""
    office = context.start(name="tls-office", tls=True)
    certificate = next(office.data.rglob("tls-certificate.pem"))
    trunk = f'''
[[trunk]]
name = "office"
server = "localhost:{office.tls}"
transport = "tls"
username = "1000"
password = "{PASSWORD}"
realm = "parley"
domain = "127.0.0.1"
register = true
'''
    rule = '''
[[rule]]
name = "out"
pattern = "8(?P<rest>.+)"
from = ["accounts"]
to = "trunk:office"
number = "{rest}"
'''
    distrusts = context.start(name="tls-distrusts", extra=trunk + rule)
    trusts = context.start(name="tls-trusts", extra=trunk + f'ca_file = "{certificate}"\n' + rule)
    eventually(lambda: registered(trusts), 8, lambda: f"not registered: {trusts.log_text()[-300:]}")
    eventually(lambda: "self-signed certificate" in distrusts.log_text(), 8, lambda: f"no word of the certificate: {distrusts.log_text()[-300:]}")
    check(not registered(distrusts), "registered with whom it does not trust")
    alice, bob, media = Phone(trusts, user="alice"), Phone(office, user="bob"), Media()
    bob.register()
    result = []
    thread = threading.Thread(target=lambda: result.append(invite_as(alice, "8bob", media, seconds=10)), daemon=True)
    thread.start()
    invite = bob.requested("INVITE", 8)
    bob.answer(invite, 200, "OK", body=media.sdp())
    thread.join(8)
    equal(result[0][0].status, 200, "a call over TLS")
    result[0][1]()
    for thing in (alice, bob, media):
        thing.close()
    for server in (trusts, distrusts, office):
        server.stop()
