"""The program: exit statuses, ports in use, SIGTERM, SIGHUP, kill -9."""
import os
import signal
import socket
import subprocess
import time

from support import server as servers
from support.check import Failure, check, equal
from support.rtp import Media
from support.sip import Phone, authorization, token
from support.websocket import WebSocket


def run(*arguments, given=""):
    return subprocess.run([servers.BINARY, *arguments], input=given, capture_output=True, text=True, timeout=20)


def test_command_line(context):
    check(run("version").stdout.startswith("parley "), "version")
    equal(run("frobnicate").returncode, 2, "an unknown command")
    equal(run("check", "/nonexistent/parley.toml").returncode, 2, "a file that is not there")


def test_wrong_configuration(context):
    """One clear line with file, line and column, and 2."""
    path = os.path.join(context.work, "wrong.toml")
    for text, word, place in (("guests = true\nno_such_key = 1\n", "no_such_key", ":2:"), ("[calls]\nring_timeout = \"x\"\n", "ring_timeout", ":2:"),
                              ("[calls]\nring_timeout = 1\n", "ring_timeout", ":2:"), ("guests = \n", "", ":1:"), ("[nothing]\n", "nothing", ":1:"),
                              ('[[sip]]\ntransport = "udp"\naddress = "0.0.0.0:0"\n', "guests", "")):
        with open(path, "w") as f:
            f.write(text)
        for command in (("check", path), ("serve", "--config", path, "--data", os.path.join(context.work, "never"))):
            done = run(*command)
            equal(done.returncode, 2, f"{command[0]} of {text!r}")
            lines = done.stderr.strip().split("\n")
            check(len(lines) == 1 and path + place in lines[0] and word in lines[0], f"{command[0]} of {text!r} says {done.stderr!r}")
    with open(path, "wb") as f:
        f.write(os.urandom(3000))
    equal(run("check", path).returncode, 2, "random bytes")


def test_accounts_that_nobody_knows_are_told(context):
    """By check and at the start, as warnings with their place."""
    server = servers.Server(context.work, "unknown", extra='[[queue]]\nname = "help"\nagents = ["alice", "alcie"]', accounts=("alice",))
    place = f"{server.config}:{server.config.read_text().split('agents')[0].count(chr(10)) + 1}:"
    done = run("check", str(server.config), "--data", str(server.data))
    equal(done.returncode, 0, "exit status")
    lines = done.stderr.strip().split("\n")
    check(len(lines) == 1 and place in lines[0] and "alcie" in lines[0], f"check says {done.stderr!r}")
    context.own.append(server.start())
    check(place in server.log_text() and server.log_text().count("alcie") == 1, "the log at the start")
    server.stop()


def test_port_taken(context):
    for kind, listener in ((socket.SOCK_DGRAM, '[[sip]]\ntransport = "udp"\naddress = "127.0.0.1:{}"'),
                           (socket.SOCK_STREAM, '[[sip]]\ntransport = "tcp"\naddress = "127.0.0.1:{}"'),
                           (socket.SOCK_STREAM, '[[http]]\naddress = "127.0.0.1:{}"')):
        with socket.socket(socket.AF_INET, kind) as taken:
            taken.bind(("127.0.0.1", 0))
            if kind == socket.SOCK_STREAM:
                taken.listen()
            port = taken.getsockname()[1]
            # Every other port is the system's choice.
            others = '\n[[http]]\naddress = "127.0.0.1:0"' if "[[sip]]" in listener else '\n[[sip]]\ntransport = "udp"\naddress = "127.0.0.1:0"'
            server = servers.Server(context.work, "taken", listeners=listener.format(port) + others, accounts=())
            done = run("serve", "--config", str(server.config), "--data", str(server.data))
            equal(done.returncode, 2, f"exit status, {listener[:20]}")
            lines = done.stderr.strip().split("\n")
            check(len(lines) == 1 and f"127.0.0.1:{port}" in lines[0], f"says {done.stderr!r}")


def test_accounts(context):
    server = servers.Server(context.work, "accounts", accounts=("dora",)).start()
    context.own.append(server)
    equal(server.command("account", "list").split()[0], "dora", "list")
    try:
        server.command("account", "add", "dora", "--password-stdin", given="x12345678\n")
    except Failure:
        pass
    else:
        raise Failure("dora was added twice")
    # A running server learns of new accounts and passwords.
    server.command("account", "add", "emil", "--display-name", "Emil E.", "--password-stdin", given="secret\n")
    server.command("account", "password", "dora", "--password-stdin", given="another\n")
    time.sleep(1.6)
    phone = Phone(server)
    phone.register(user="emil")
    phone.register(user="dora", wanted=401)
    phone.register(user="dora", password="another")
    server.command("account", "remove", "emil")
    time.sleep(1.6)
    phone.register(user="emil", wanted=401)
    for path in server.data.rglob("*"):
        mode = path.stat().st_mode & 0o777
        check(mode & 0o077 == 0 or path.parent != server.data, f"{path.name} has mode {mode:o}")
        if path.is_file():
            check(b"another" not in path.read_bytes(), f"a password in {path.name}")
    check("another" not in server.log_text() and "secret" not in server.log_text(), "a password in the log")
    phone.close()
    server.stop()


def test_a_changed_account_ends_what_it_had(context):
    """Another password or a deleted account: registrations, subscriptions and the page's connection; calls go on."""
    server = context.start(name="revoked")
    page = Phone(server, user="alice", web=WebSocket(server.http))
    phone, watcher = Phone(server, "tcp", user="bob"), Phone(server, user="carol")
    for one in (page, phone, watcher):
        one.register()

    def subscribe(one, to):
        uri = f"sip:{to}@127.0.0.1"
        more = dict(uri=uri, call_id=token(16), from_tag=token())
        lines = ["Event: presence", "Expires: 600"]
        first = one.ask("SUBSCRIBE", headers=lines, **more)
        one.send(one.request("SUBSCRIBE", cseq=2, headers=lines + [authorization(first, "SUBSCRIBE", uri, one.user, "secret")], **more))
        equal(one.final("SUBSCRIBE").status, 200, f"{one.user} subscribes")
        return notified(one)

    def notified(one, wanted=lambda m: True):
        got = one.wait(lambda m: m.method == "NOTIFY" and wanted(m), 15, "NOTIFY")
        one.answer(got, 200)
        return got

    ended = lambda m: m.get("Subscription-State").startswith("terminated")
    check(b"open" in subscribe(watcher, "alice").body, "alice is there")
    subscribe(page, "carol")
    subscribe(phone, "carol")
    guest, media = Phone(server, user="guest"), Media()
    its = dict(call_id=token(16), from_tag=token())
    guest.send(guest.request("INVITE", "sip:bob@127.0.0.1", body=media.sdp(), content_type="application/sdp", **its))
    phone.answer(phone.requested("INVITE", 15), 200, body=media.sdp())
    answer = guest.final("INVITE", 15)
    its["to"] = answer.get("To")
    guest.send(guest.request("ACK", answer.contact(), **its))
    phone.requested("ACK", 15)
    server.command("account", "password", "alice", "--password-stdin", given="another\n")
    check("deactivated" in notified(page, ended).get("Subscription-State"), "alice's subscription")
    notified(watcher, lambda m: b"closed" in m.body)
    check(page.web.closed(15) is not False, "the page's connection")
    page = Phone(server, user="alice", web=WebSocket(server.http))
    page.register(wanted=401)
    page.register(password="another")
    notified(watcher, lambda m: b"open" in m.body)
    server.command("account", "remove", "bob")
    check("rejected" in notified(phone, ended).get("Subscription-State"), "bob's subscription")
    phone.register(wanted=401)
    guest.send(guest.request("BYE", answer.contact(), cseq=2, **its))
    equal(guest.final("BYE").status, 200, "bob's call is still there")
    phone.requested("BYE")
    watcher.register()
    media.close()
    for one in (page, phone, watcher, guest):
        one.close()
    server.stop()


def test_sigterm_ends_calls(context):
    """BYE to all within 5 s, also when somebody doesn't answer; exit status 0."""
    server = context.start(name="sigterm")
    phones = [Phone(server, t) for t in ("udp", "tcp", "udp")]
    media = [Media() for _ in phones]
    for phone, m in zip(phones, media):
        phone.call("end", m)
    bob = Phone(server, user="bob")
    bob.register()
    phones[0].send(phones[0].request("INVITE", "sip:bob@127.0.0.1", body=media[0].sdp(), content_type="application/sdp", call_id="ringing"))
    invite = bob.requested("INVITE")
    bob.answer(invite, 180, "Ringing")
    began = time.monotonic()
    server.signal(signal.SIGTERM)
    for phone in phones[:2]:
        bye = phone.requested("BYE", 5)
        phone.answer(bye, 200)
    phones[2].requested("BYE", 5)       # and says nothing
    bob.answer(bob.requested("CANCEL", 5), 200)
    check(phones[0].final("INVITE", 5).status >= 400, "a ringing call")
    bob.answer(invite, 487, "Request Terminated")
    status, _ = server.stop()
    check(time.monotonic() - began < 6, f"took {time.monotonic() - began:.1f} s")
    equal(status, 0, "exit status")
    for m in media:
        m.close()
    for phone in phones:
        phone.close()


def test_sigterm_without_calls(context):
    server = context.start(name="idle")
    status, seconds = server.stop()
    equal(status, 0, "exit status")
    check(seconds < 2, f"took {seconds:.1f} s")


def test_kill_9_needs_no_repair(context):
    server = context.start(name="killed")
    for round in range(3):
        phone, media = Phone(server, "tcp"), Media()
        phone.call("room", media)
        adding = subprocess.Popen([servers.BINARY, "account", "add", f"u{round}", "--password-stdin", "--config", str(server.config),
                                   "--data", str(server.data)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        adding.stdin.write(b"secret\n")
        adding.stdin.close()
        time.sleep(0.02 * round)
        adding.kill()
        adding.wait()
        server.kill()
        phone.close()
        media.close()
        server.start()
    phone = Phone(server, user="alice")
    phone.register()
    phone.close()
    server.stop()


def test_half_written_data(context):
    """A data folder that can't be used is one line, and 2."""
    path = os.path.join(context.work, "a-file")
    with open(path, "w") as f:
        f.write("x")
    server = servers.Server(context.work, "unusable", accounts=())
    done = run("serve", "--config", str(server.config), "--data", path)
    check(done.returncode in (1, 2) and len(done.stderr.strip().split("\n")) == 1 and path in done.stderr, f"{done.returncode}: {done.stderr!r}")
