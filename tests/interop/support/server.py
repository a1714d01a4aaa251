"""One Parley with its own data folder and ports of the system's choice. Ended by its process id alone."""
import os
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from .check import Failure, eventually

ROOT = Path(__file__).resolve().parents[3]
BINARY = os.environ.get("PARLEY_BIN") or str(ROOT / "build/release/parley")
PASSWORD = "secret"
ACCOUNTS = ("alice", "bob", "carol", "1000", "1001")

LISTENERS = """
[[http]]
address = "127.0.0.1:0"
[[sip]]
transport = "udp"
address = "127.0.0.1:0"
[[sip]]
transport = "tcp"
address = "127.0.0.1:0"
"""
TLS_LISTENERS = """
[[sip]]
transport = "tls"
address = "127.0.0.1:0"
[[http]]
address = "127.0.0.1:0"
tls = true
"""


# Runs a program that sees another file as /etc/hosts.
WITH_HOSTS = ["unshare", "-rm", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"']


def can_have_hosts():
    """Does this machine let us?"""
    try:
        return subprocess.run([*WITH_HOSTS, "/etc/hosts", "true"], capture_output=True, timeout=10).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


class Server:
    """`extra` is TOML of tables; `top` of keys before any table; `hosts` its own /etc/hosts (see can_have_hosts())."""

    def __init__(self, work, name="parley", tls=False, top="", extra="", listeners=LISTENERS, accounts=ACCOUNTS, hosts=""):
        self.folder = Path(tempfile.mkdtemp(prefix=name + "-", dir=work))
        self.data = self.folder / "data"
        self.config = self.folder / "parley.toml"
        self.config.write_text(f'{top}\n{listeners}{TLS_LISTENERS if tls else ""}\n{extra}\n')
        self.process, self.wrapper = None, []
        if hosts:
            (self.folder / "hosts").write_text(hosts)
            self.wrapper = [*WITH_HOSTS, str(self.folder / "hosts")]
        for account in accounts:
            self.command("account", "add", account, "--password-stdin", given=PASSWORD + "\n")

    def command(self, *arguments, given=""):
        done = subprocess.run([BINARY, *arguments, "--config", str(self.config), "--data", str(self.data)],
                              input=given, capture_output=True, text=True, timeout=30)
        if done.returncode != 0:
            raise Failure(f"parley {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def start(self):
        self.log = open(self.folder / "log", "ab")
        offset = self.log.tell()
        self.process = subprocess.Popen([*self.wrapper, BINARY, "serve", "--config", str(self.config), "--data", str(self.data)],
                                        stdout=self.log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)

        def up():
            if self.process.poll() is not None:
                raise Failure(f"parley ended with {self.process.returncode}: {self.log_text()[-300:]}")
            # Printed at once, when all listeners are there; "Open" lines first.
            said = self.log_text()[offset:]
            wanted = self.config.read_text().count("[[sip]]")
            return said if len(re.findall(r"^SIP over", said, re.M)) >= wanted and said.endswith("\n") else None

        said = eventually(up, 15, "parley did not say its addresses")
        port = lambda pattern: next((int(p) for p in re.findall(pattern, said)), 0)
        self.udp, self.tcp, self.tls = (port(rf"SIP over {t} on \S+:(\d+)") for t in ("UDP", "TCP", "TLS"))
        self.http, self.https = port(r"Open http://[^ ]*:(\d+)/"), port(r"Open https://[^ ]*:(\d+)/")
        return self

    def log_text(self):
        return (self.folder / "log").read_text(errors="replace")

    def rss(self):
        """kB of memory in use."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1])

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, limit=8):
        """Ends it; returns its exit status and the seconds that it took."""
        if self.process is None:
            return None, 0
        began = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(limit)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        return self.process.returncode, time.monotonic() - began

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.log.close()
