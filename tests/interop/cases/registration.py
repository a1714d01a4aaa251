"""REGISTER: by sipp with MD5, by hand with SHA-256 and SHA-512-256, and what is refused (RFC 3261 10, RFC 8760)."""
import re
import time

from support.check import check, equal
from support.sip import Phone, authorization, token
from support.sipp import Scenario, both


def register(user, expires=300, contact=None, answers=(200,), has=None):
    s = Scenario(user, user)
    uri = "sip:[remote_ip]:[remote_port]"
    lines = [f"Expires: {expires}"]
    s.outside("REGISTER", lines, uri=uri).recv(401, auth=True, has={"WWW-Authenticate": "algorithm=MD5"})
    s.outside("REGISTER", lines + ["[authentication]"], uri=uri)
    return s.recv(answers[0], has=has)


def test_sipp_digest(context):
    both(context, lambda t: register("alice", has={"Contact": "expires=300"}), user="alice", password="secret")


def test_sipp_wrong_password(context):
    both(context, lambda t: register("alice", answers=(401,)), user="alice", password="wrong")


def test_sipp_unregister(context):
    both(context, lambda t: register("carol", expires=0), user="carol", password="secret")
    phone = Phone(context.server, user="carol")
    phone.register()
    check(len(phone.register(expires=0).all("Contact")) == 0, "a contact is left")
    phone.close()


def test_unknown_user_is_answered_like_a_known_one(context):
    phone = Phone(context.server)
    shapes = []
    for user in ("alice", "nobody" + token()):
        first = phone.ask("REGISTER", uri="sip:127.0.0.1", to=f"<sip:{user}@127.0.0.1>", user=user)
        equal(first.status, 401, user)
        shapes.append([re.sub(r'nonce="[^"]*"', "", c) for c in first.all("WWW-Authenticate")])
    equal(shapes[1], shapes[0], "challenges")
    phone.register(user="nobody", wanted=401)
    phone.close()


def test_all_algorithms(context):
    for algorithm in ("MD5", "SHA-256", "SHA-512-256"):
        phone = Phone(context.server, user="bob")
        phone.register(algorithm=algorithm)
        phone.register(password="wrong", algorithm=algorithm, wanted=401)
        phone.register(expires=0)
        phone.close()


def test_fetch_and_star(context):
    phone = Phone(context.server, user="1000")
    phone.register(contact="<sip:a@127.0.0.1:4000>")
    phone.register(contact="<sip:b@127.0.0.1:4001>;q=0.5")
    equal(len(phone.register(contact="").all("Contact")), 2, "contacts")
    phone.register(contact="*", expires=10, wanted=400)
    equal(len(phone.register(contact="*", expires=0).all("Contact")), 0, "contacts after *")
    phone.close()


def test_nobody_registers_for_another(context):
    phone = Phone(context.server, user="alice")
    more = dict(uri="sip:127.0.0.1", to="<sip:bob@127.0.0.1>")
    challenge = phone.ask("REGISTER", **more)
    answer = phone.ask("REGISTER", headers=[authorization(challenge, "REGISTER", "sip:127.0.0.1", "alice", "secret")], **more)
    equal(answer.status, 403, "REGISTER of alice for bob")
    phone.close()


def test_used_nonce_count_is_refused(context):
    phone = Phone(context.server, user="alice")
    more = dict(uri="sip:127.0.0.1", to="<sip:alice@127.0.0.1>", call_id=token(16))
    challenge = phone.ask("REGISTER", **more)
    line = authorization(challenge, "REGISTER", "sip:127.0.0.1", "alice", "secret")
    equal(phone.ask("REGISTER", cseq=2, headers=[line], **more).status, 200, "the first time")
    again = phone.ask("REGISTER", cseq=3, headers=[line], **more)
    equal(again.status, 401, "the same credentials again")
    check("stale=true" in " ".join(again.all("WWW-Authenticate")).lower(), "not called stale")
    phone.close()


def test_malformed_credentials(context):
    """Survival item 5."""
    phone = Phone(context.server, user="alice")
    for line in ("Digest", "Digest ", 'Digest username="alice', "Basic YWxpY2U6c2VjcmV0", 'Digest username="alice", realm="parley", nonce="\\', "Digest ,,,,",
                 "Digest " + "x=y," * 2000, 'Digest username="alice", realm="parley", nonce="", uri="", response=""',
                 'Digest username="alice",realm="parley",nonce="x",uri="sip:x",response="' + "0" * 32 + '",nc=zzzzzzzz,cnonce="",qop=auth'):
        answer = phone.ask("REGISTER", uri="sip:127.0.0.1", to="<sip:alice@127.0.0.1>", headers=["Authorization: " + line])
        check(answer.status in (400, 401, 403, 413, 431), f"{line[:40]}: {answer}")
    phone.close()


def test_too_short(context):
    phone = Phone(context.server, user="alice")
    answer = phone.register(expires=5, wanted=423)
    equal(answer.get("Min-Expires"), "60", "Min-Expires")
    phone.close()


def test_binding_dies_with_its_connection(context):
    """A contact of a TCP flow (RFC 5626), as its connection closes."""
    phone = Phone(context.server, "tcp", user="1001")
    phone.register(contact="<sip:x@host.invalid;transport=tcp;ob>;reg-id=1;+sip.instance=\"<urn:uuid:0>\"", headers=["Supported: outbound"])
    other = Phone(context.server, user="1001")
    equal(len(other.register(contact="").all("Contact")), 1, "contacts")
    phone.close()
    time.sleep(0.3)
    equal(len(other.register(contact="").all("Contact")), 0, "contacts after the connection's end")
    other.close()
