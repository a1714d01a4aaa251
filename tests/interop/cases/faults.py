"""A disk that is full, a database that another process has locked, kill -9 under a load of texts: who asked for something to be kept is told 503,
everything else goes on, and nothing that was answered 202 is lost (survival items 25 and 26)."""
import os
import sqlite3
import subprocess
import time

from cases.hostile import Call
from cases.rest import Api
from support.check import Failure, Skip, check, equal, eventually
from support.rtp import Media
from support.server import ACCOUNTS, PASSWORD, Server
from support.sip import Phone, authorization, token

KEPT = '[room."kept"]\nhistory = 30\n'
LARGE = "x" * 50000


class Pager:
    """alice, who writes outside of any call (RFC 3428): one challenge, then a nonce count for each text."""

    def __init__(self, server):
        self.phone = Phone(server, "tcp", user="alice")

    def send(self, to, body):
        uri = f"sip:{to}@127.0.0.1"
        more = dict(uri=uri, body=body, content_type="text/plain", contact="", call_id=token(16), from_tag=token())
        challenge = self.phone.ask("MESSAGE", **more)
        equal(challenge.status, 401, "MESSAGE without credentials")
        return self.phone.ask("MESSAGE", cseq=2, headers=[authorization(challenge, "MESSAGE", uri, "alice", PASSWORD)], **more)

    def close(self):
        self.phone.close()


class Witness:
    """Keeps what it was told would be kept."""

    def __init__(self, server):
        self.server, self.media = server, Media()
        self.phone, self.pager = Phone(server, "tcp"), Pager(server)
        self.call = self.phone.call("kept", self.media)
        self.history, self.waiting = [], []

    def to_room(self, fill=""):
        body = f"room {token()} {fill}"
        answer = self.call.text(body)
        if answer.status == 202:
            self.history.append(body)
        return answer

    def to_absent(self, fill=""):
        body = f"carol {token()} {fill}"
        answer = self.pager.send("carol", body)
        if answer.status == 202:
            self.waiting.append(body)
        return answer

    def refused(self, fill):
        """Both, sooner or later: what still has a place on the disk is kept."""
        for write in (self.to_room, self.to_absent):
            for _ in range(300):
                answer = write(fill)
                if answer.status == 503:
                    break
                equal(answer.status, 202, "what has a place")
            equal(answer.status, 503, "what can't be kept")
            check(answer.get("Retry-After"), "503 without Retry-After")

    def nothing_is_lost(self):
        """carol gets all that waits, in order; the room's messages are in the database."""
        carol = Phone(self.server, "tcp", user="carol")
        carol.register()
        for body in self.waiting:
            message = carol.requested("MESSAGE", 10)
            carol.answer(message, 200)
            equal(message.body.decode(), body, "what waited for carol")
        carol.nothing(lambda m: m.method == "MESSAGE", 0.3, "one that was refused came all the same")
        carol.register(contact="*", expires=0)
        carol.close()
        with sqlite3.connect(f"file:{self.server.data}/messages.db?mode=ro", uri=True) as database:
            kept = [bytes(row[0], "utf-8") if isinstance(row[0], str) else bytes(row[0]) for row in database.execute("SELECT body FROM message ORDER BY id")]
        database.close()
        equal([k.decode() for k in kept], self.history, "the room's messages")

    def close(self):
        self.call.bye()
        self.phone.close()
        self.pager.close()
        self.media.close()


def programs(server, wanted):
    """What the REST API says: a reason, and a status that says whether to come again."""
    api = Api(server)
    for _ in range(40):                                    # what still has a place on the disk is made
        status, problem = api.ask("POST", "/accounts", {"name": f"n{token()}", "password": "correct horse"})
        if status == wanted:
            break
        equal(status, 201, f"POST /accounts: {problem}")
    equal(status, wanted, f"POST /accounts: {problem}")
    check(status == 201 or (problem["reason"] and problem["detail"]), f"a problem without a reason: {problem}")
    equal(api.ask("GET", "/rooms")[0], 200, "GET /rooms")


def survive(server, name, break_it, mend, fill):
    """What holds whatever keeps the disk from being written."""
    call, witness = Call(server, "plain"), Witness(server)
    equal(witness.to_room().status, 202, "a room's text before")
    equal(witness.to_absent().status, 202, "a text to who is absent, before")
    break_it()
    call.began = time.monotonic()
    witness.refused(fill)
    # What asks nothing of the disk knows nothing of it: texts without history, calls, registrations.
    body = f"plain {token()}"
    equal(call.dialogs[0].text(body).status, 202, "a text in a room without history")
    copy = call.phones[1].requested("MESSAGE")
    call.phones[1].answer(copy, 200)
    equal(copy.body.decode(), body, "its copy")
    bob, media = Phone(server, "tcp", user="bob"), Media()
    bob.register()
    another = Phone(server)
    another.call("plain", media).bye()
    witness.refused(fill)
    call.good(f"{name}: the call meanwhile")
    equal(server.log_text().count("messages can't be stored"), 1, f"lines of the log, {name}")
    programs(server, 503)
    mend()
    eventually(lambda: witness.to_room(fill).status == 202, 10, f"{name}: a room's text afterwards")
    eventually(lambda: witness.to_absent(fill).status == 202, 10, f"{name}: a text to who is absent, afterwards")
    check(eventually(lambda: "messages are stored again" in server.log_text(), 5, "the log doesn't say that it is over"), "")
    eventually(lambda: Api(server).ask("POST", "/accounts", {"name": "later", "password": "correct horse"})[0] in (201, 409), 10, f"{name}: an account afterwards")
    programs(server, 201)
    call.good(f"{name}: the call afterwards")
    bob.register(contact="*", expires=0)
    witness.nothing_is_lost()
    for each in (bob, another, media, witness, call):
        each.close()
    check(server.alive(), "the server ended")


def test_locked_database(context):
    """By another process, as by one who looks at it with sqlite3 and forgets a transaction."""
    server = context.start(name="locked", extra=KEPT)
    others = [sqlite3.connect(path, isolation_level=None) for path in sorted(server.data.glob("*.db"))]
    check(len(others) >= 2, f"databases: {sorted(server.data.glob('*'))}")

    def lock():
        for other in others:
            other.execute("BEGIN IMMEDIATE")

    def unlock():
        for other in others:
            other.execute("ROLLBACK")

    survive(server, "locked", lock, unlock, "")
    for other in others:
        other.close()
    server.stop()


def test_full_disk(context):
    """A file system of 6 MB, filled to the last byte."""
    server = Server(context.work, "full", extra=KEPT, accounts=())
    server.data.mkdir(mode=0o700)
    mounted = os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m,mode=0700", "none", str(server.data)], capture_output=True).returncode == 0
    if not mounted:
        raise Skip("only root may mount")
    ballast = server.data / "ballast"

    def fill():
        with open(ballast, "wb", buffering=0) as f:
            for size in (65536, 4096, 1):
                try:
                    while True:
                        f.write(b"x" * size)
                except OSError:
                    pass

    try:
        for account in ACCOUNTS:
            server.command("account", "add", account, "--password-stdin", given=PASSWORD + "\n")
        context.own.append(server)
        server.start()
        survive(server, "full", fill, ballast.unlink, LARGE)
        server.stop()
    finally:
        if server.alive():
            server.kill()
        subprocess.run(["umount", "-l", str(server.data)], capture_output=True)


def test_start_with_a_full_disk(context):
    """One line that says which file, and not 0; the same command works when there is room again."""
    server = Server(context.work, "nospace", extra=KEPT, accounts=())
    server.data.mkdir(mode=0o700)
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=0700", "none", str(server.data)], capture_output=True).returncode != 0:
        raise Skip("only root may mount")
    try:
        (server.data / "ballast").write_bytes(b"x" * 60 * 1024)
        from support.server import BINARY
        done = subprocess.run([BINARY, "serve", "--config", str(server.config), "--data", str(server.data)], capture_output=True, text=True, timeout=20)
        said = done.stderr.strip().split("\n")
        check(done.returncode in (1, 2) and len(said) == 1 and str(server.data) in said[0], f"{done.returncode}: {done.stderr!r}")
        (server.data / "ballast").unlink()
        subprocess.run(["mount", "-o", "remount,size=6m", str(server.data)], capture_output=True, check=True)
        context.own.append(server)
        server.start()
        server.stop()
    finally:
        if server.alive():
            server.kill()
        subprocess.run(["umount", "-l", str(server.data)], capture_output=True)


def test_kill_9_in_1000_texts_a_second(context):
    """Nobody waits for an answer before the next text: when the process is killed some hundreds are under way. Those that were answered 202
    are in the history."""
    server = context.start(name="killed-in-a-flood", extra=KEPT)
    witness = Witness(server)
    phone, sent, kept = witness.phone, {}, []

    def read(seconds):
        for message in phone._read(seconds):
            if message.status >= 200 and message.cseq[1] == "MESSAGE":
                equal(message.status, 202, "a text to the room")
                kept.append(message.cseq[0])

    begin = time.monotonic()
    while time.monotonic() < begin + 1.5 or (len(kept) < 300 and time.monotonic() < begin + 20):
        for _ in range(max(0, min(50, int((time.monotonic() - begin) * 1000) - len(sent)))):
            body = f"room {token()}"
            phone.send(witness.call.make("MESSAGE", body=body, content_type="text/plain", contact=""))
            sent[witness.call.number] = body
        read(0.001)
    server.kill()
    try:
        while True:      # what it had answered, up to the end of the connection
            read(5)
    except (Failure, OSError):
        pass
    check(len(kept) >= 300, f"{len(kept)} of {len(sent)} answered")
    witness.phone.close()
    witness.pager.close()
    witness.media.close()
    server.start()
    with sqlite3.connect(f"file:{server.data}/messages.db?mode=ro", uri=True) as database:
        there = {bytes(row[0], "utf-8") if isinstance(row[0], str) else bytes(row[0]) for row in database.execute("SELECT body FROM message")}
        equal(database.execute("PRAGMA integrity_check").fetchone()[0], "ok", "integrity")
    database.close()
    equal([number for number in kept if sent[number].encode() not in there], [], f"of {len(kept)} that were answered 202, those that are lost")
    server.stop()


def test_kill_9_loses_no_text(context):
    """Texts to a room and to somebody absent, as fast as they are answered, until the process is killed; the next start needs no repair and has
    every one that was answered 202."""
    server = context.start(name="killed-texts", extra=KEPT)
    history, waiting = [], []
    for _ in range(2):
        witness = Witness(server)
        end = time.monotonic() + 1.5
        n = 0
        # Both kinds are under way when it is killed: one text each that nobody has waited for.
        while time.monotonic() < end and n < 800:      # no more than 1,000 wait for one account
            n += 1
            equal((witness.to_room() if n % 2 else witness.to_absent()).status, 202, f"text {n}")
        witness.phone.send(witness.call.make("MESSAGE", body="unanswered", content_type="text/plain", contact=""))
        server.kill()
        history += witness.history
        waiting += witness.waiting
        witness.phone.close()
        witness.pager.close()
        witness.media.close()
        server.start()
    check(len(history) > 20 and len(waiting) > 20, f"{len(history)} and {len(waiting)} texts only")
    carol = Phone(server, "tcp", user="carol")
    carol.register()
    for body in waiting:
        message = carol.requested("MESSAGE", 10)
        carol.answer(message, 200)
        equal(message.body.decode(), body, "what waited for carol")
    carol.close()
    with sqlite3.connect(f"file:{server.data}/messages.db?mode=ro", uri=True) as database:
        kept = {bytes(row[0], "utf-8") if isinstance(row[0], str) else bytes(row[0]) for row in database.execute("SELECT body FROM message")}
        equal(database.execute("PRAGMA integrity_check").fetchone()[0], "ok", "integrity")
    database.close()
    lost = [body for body in history if body.encode() not in kept]
    equal(lost, [], "texts of the room that were answered 202 and are lost")
    check("repair" not in server.log_text() and "damaged" not in server.log_text(), "the log speaks of damage")
    server.stop()
