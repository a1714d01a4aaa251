"""baresip without a display: a folder and ports of its own, a tone for a microphone, what it hears as a WAV, commands by TCP."""
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from . import audio
from .check import Failure, Skip, check, eventually, free_media_ports, free_port

MODULES = "/usr/lib/baresip/modules"


class Baresip:
    def __init__(self, context, server, user, frequency, transport="udp", codecs="pcmu", password="secret", srtp="", friends=()):
        """`srtp`: srtp-mand, and no call without; `friends`: whose presence it watches, the first of whom it writes to."""
        if not shutil.which("baresip"):
            raise Skip("baresip is not installed")
        self.server, self.user = server, user
        self.folder = Path(tempfile.mkdtemp(prefix=f"baresip-{user}-", dir=context.work))
        rate = {"opus": 48000, "G722": 16000}.get(codecs, 8000)
        audio.write_wav(self.folder / "tone.wav", audio.tone(frequency, 1, rate) * 60, rate)
        # Where nothing of another test or another run still arrives.
        ports = free_media_ports(16)
        self.control = free_port(socket.SOCK_STREAM)
        port = server.udp if transport == "udp" else server.tcp if transport == "tcp" else server.tls
        codec_modules = [m for m in ("g711.so", "opus.so", "g722.so") if os.path.exists(f"{MODULES}/{m}")]
        more = (["srtp"] if srtp else []) + (["contact", "presence"] if friends else [])
        if codecs == "opus" and "opus.so" not in codec_modules or any(not os.path.exists(f"{MODULES}/{m}.so") for m in more):
            raise Skip(f"baresip without {codecs} or {more}")
        lines = [f"module_path {MODULES}", "sip_verify_server no",
                 f"audio_source aufile,{self.folder}/tone.wav", "audio_player aubridge,nowhere", "audio_alert aubridge,nowhere", "audio_channels 1-1" if rate == 8000 else
                 "opus_stereo no\nopus_sprop_stereo no\naudio_channels 1-1", "call_max_calls 4", "rtp_timeout 60", f"rtp_ports {ports}-{ports + 15}",
                 f"ctrl_tcp_listen 127.0.0.1:{self.control}", f"snd_path {self.folder}", *[f"module {m}" for m in codec_modules],
                 "module aufile.so", "module aubridge.so", "module sndfile.so", "module_app account.so", "module_app menu.so", "module ctrl_tcp.so",
                 *[f"module{'' if m == 'srtp' else '_app'} {m}.so" for m in more]]
        (self.folder / "config").write_text("\n".join(lines) + "\n")
        (self.folder / "accounts").write_text(f"<sip:{user}@127.0.0.1:{port};transport={transport}>;auth_user={user};auth_pass={password};"
                                              f"audio_codecs={'G722/16000/1' if codecs == 'G722' else codecs};regint=60;answermode=manual" + (f";mediaenc={srtp}" if srtp else "") + "\n")
        (self.folder / "contacts").write_text("".join(f'"{f}" <sip:{f}@127.0.0.1:{port}>;presence=p2p\n' for f in friends))
        self.log = open(self.folder / "log", "wb")
        self.process = subprocess.Popen(["baresip", "-f", str(self.folder)], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        env={**os.environ, "HOME": str(self.folder)})
        self.events, self.running = [], True
        self.target = lambda name: f"sip:{name}@127.0.0.1:{port}"
        self.socket = eventually(self._connect, 10, lambda: f"baresip does not start: {self._log()[-300:]}")
        self.socket.settimeout(None)      # the time was for connecting
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _log(self):
        return (self.folder / "log").read_text(errors="replace")

    def _connect(self):
        check(self.process.poll() is None, f"baresip ended: {self._log()[-300:]}")
        try:
            return socket.create_connection(("127.0.0.1", self.control), 1)
        except OSError:
            return None

    def _read(self):
        buffer = b""
        while self.running:
            try:
                data = self.socket.recv(65536)
            except OSError:
                return
            if not data:
                return
            buffer += data
            while b":" in buffer:
                size, _, rest = buffer.partition(b":")
                if len(rest) < int(size) + 1:
                    break
                try:      # its answers to commands hold what it prints, which isn't always JSON
                    self.events.append(json.loads(rest[:int(size)].decode("utf-8", "replace"), strict=False))
                except ValueError:
                    pass
                buffer = rest[int(size) + 1:]

    def command(self, name, parameters=""):
        text = json.dumps({"command": name, "params": parameters, "token": "t"}).encode()
        self.socket.sendall(b"%d:%s," % (len(text), text))

    def shows(self, name, words, seconds=10):
        """Among what it answers to a command, asked again and again."""
        def found():
            self.command(name)
            return any(words in str(e.get("data", "")) for e in self.events)
        self.events.clear()
        eventually(found, seconds, lambda: f"{self.user}'s baresip does not show {words}: {[e.get('data') for e in self.events][-1:]}")

    def event(self, kind, seconds=10):
        def found():
            for i, e in enumerate(self.events):
                if e.get("type") == kind:
                    return self.events.pop(i)
            return None
        return eventually(found, seconds, lambda: f"{self.user}'s baresip has no {kind}, but {[e.get('type') or e.get('data', '')[:60] for e in self.events]}")

    def registered(self):
        # Done before anybody can listen to its events.
        self.says("200 OK (Parley)")
        return self

    def says(self, words, seconds=10):
        eventually(lambda: words in self._log(), seconds, lambda: f"{self.user}'s baresip did not say {words}: {self._log()[-200:]}")

    def dial(self, name):
        self.command("dial", self.target(name))
        self.event("CALL_ESTABLISHED")

    def recorded(self):
        """Samples of all that it heard in its last call, and their rate. While nothing comes, nothing is added."""
        files = sorted(self.folder.glob("dump-*-dec.wav"), key=lambda p: p.stat().st_mtime)
        check(files, f"{self.user}'s baresip recorded nothing")
        return audio.read_wav(files[-1])

    def levels(self, *frequencies, seconds=1.0, since=0):
        """Amplitudes of these tones in what it heard last, from sample number `since` on."""
        samples, rate = self.recorded()
        last = samples[since:][-int(rate * seconds):]
        return [audio.amplitude(last, f, rate) for f in frequencies]

    def close(self):
        self.running = False
        try:
            self.command("quit")
            self.process.wait(3)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        self.thread.join(2)
        self.socket.close()
        self.log.close()


def close_all(*phones):
    for phone in phones:
        phone.close()
