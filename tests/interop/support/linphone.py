"""linphonec without a sound card: a home and ports of its own, files for microphone and loudspeaker, commands by its standard input."""
import array
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from . import audio
from .check import Skip, check, eventually, free_media_ports, free_port

CODECS = (("opus", 48000, 2), ("speex", 16000, 1), ("speex", 8000, 1), ("PCMU", 8000, 1), ("PCMA", 8000, 1), ("G729", 8000, 1), ("G722", 8000, 1))


def section(name, values):
    return f"[{name}]\n" + "".join(f"{k}={v}\n" for k, v in values.items())


class Linphone:
    """`codecs` in order of preference, `encryption`: "none" or "srtp" (then no call without); `suites` of that; `friends`: names whose presence
    is asked for; `sip`: more keys of the configuration's section for SIP."""

    def __init__(self, context, server, user, frequency=440, transport="udp", codecs=("PCMU",), password="secret", encryption="none", suites="",
                 friends=(), sip=None):
        if not shutil.which("linphonec"):
            raise Skip("linphonec is not installed")
        self.server, self.user, self.read = server, user, 0
        self.folder = Path(tempfile.mkdtemp(prefix=f"linphone-{user}-", dir=context.work))
        (self.folder / ".local/share/linphone").mkdir(parents=True)     # without it there is no core at all
        audio.write_wav(self.folder / "tone.wav", audio.tone(frequency, 1) * 60)
        port = {"udp": server.udp, "tcp": server.tcp, "tls": server.tls}[transport]
        self.target = lambda name: f"sip:{name}@127.0.0.1:{port}" + ("" if transport == "udp" else f";transport={transport}")
        proxy = f"<sip:127.0.0.1:{port};transport={transport}>"
        own = {"udp": 0, "tcp": 0, "tls": 0, transport: free_port(socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM)}
        settings = {"sip_port": own["udp"], "sip_tcp_port": own["tcp"], "sip_tls_port": own["tls"], "default_proxy": 0, "use_ipv6": 0, "media_encryption": encryption,
                    "media_encryption_mandatory": int(encryption != "none"), "verify_server_certs": 0, "verify_server_cn": 0, "store_auth_info": 0}
        if suites:
            settings["srtp_crypto_suites"] = suites
        settings.update(sip or {})
        parts = [section("sip", settings), section("rtp", {"audio_rtp_port": free_media_ports(4)}), section("sound", {"echocancellation": 0, "agc": 0}),
                 section("video", {"display": 0, "capture": 0}), section("net", {"firewall_policy": 0}),
                 section("proxy_0", {"reg_proxy": proxy, "reg_route": proxy.replace(">", ";lr>"), "reg_identity": f"sip:{user}@127.0.0.1", "reg_expires": 60,
                                     "reg_sendregister": 1, "publish": 1}),
                 section("auth_info_0", {"username": user, "passwd": password, "realm": "parley"})]
        self.rate = {"opus": 48000, "G722": 16000}.get(codecs[0], 8000)
        listed = [c for name in codecs for c in CODECS if c[0] == name]
        for i, (name, rate, channels) in enumerate(listed + [c for c in CODECS if c not in listed]):
            parts.append(section(f"audio_codec_{i}", {"mime": name, "rate": rate, "channels": channels, "enabled": int(i < len(listed))}))
        for i, friend in enumerate(friends):
            parts.append(section(f"friend_{i}", {"url": f'"{friend}" <sip:{friend}@127.0.0.1:{port}>', "pol": "accept", "subscribe": 1}))
        (self.folder / "linphonerc").write_text("\n".join(parts))
        self.output = open(self.folder / "log", "wb")
        self.process = subprocess.Popen(["linphonec", "-c", str(self.folder / "linphonerc"), "-d", "6", "-l", str(self.folder / "debug")], cwd=self.folder,
                                        stdin=subprocess.PIPE, stdout=self.output, stderr=self.output, env={**os.environ, "HOME": str(self.folder)})
        self.command("soundcard use files")
        self.command(f"play {self.folder}/tone.wav")
        self.record()

    def command(self, text):
        check(self.process.poll() is None, f"{self.user}'s linphonec ended: {self.log()[-300:]}")
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def says(self, pattern, seconds=10):
        """What it printed since it was last asked, up to the first match; the match."""
        def found():
            text = self.log()
            match = re.compile(pattern).search(text, self.read)
            if match:
                self.read = match.end()
            return match
        return eventually(found, seconds, lambda: f"{self.user}'s linphonec did not say {pattern!r} but {' '.join(self.log()[self.read:].split())[-300:]!r}")

    def registered(self, back=False):
        """`back`: what it said until then is read later."""
        def told():
            self.command("status register")
            return re.search(r"registered, identity=\S+ duration", self.log())
        eventually(told, 10, lambda: f"{self.user}'s linphonec is not registered: {self.log()[-200:]}")
        self.read = 0 if back else len(self.log())
        return self

    def record(self):
        self.command(f"record {self.folder}/heard.wav")

    def dial(self, name):
        self.command(f"call {self.target(name)}")
        self.says("connected")
        self.says("Media streams established")

    def answer(self):
        self.says("Receiving new incoming call")
        self.command("answer")
        self.says("Media streams established")

    def heard(self):
        """Samples of all that it heard, at self.rate. The file has its header, with some length, when a stream has ended; another goes on behind."""
        path = self.folder / "heard.wav"
        data = path.read_bytes() if path.exists() else b""
        return array.array("h", data[44:len(data) // 2 * 2])

    def hears(self, *frequencies, not_these=(), seconds=8, when=""):
        """From now on, within so many seconds: each of these tones in half a second, and none of the others."""
        began = len(self.heard())
        levels = {}

        def found():
            samples = self.heard()[began:][-self.rate // 2:]
            for f in (*frequencies, *not_these):
                levels[f] = audio.amplitude(samples, f, self.rate)
            return len(samples) >= self.rate // 2 and all(levels[f] > 2000 for f in frequencies) and all(levels[f] < 400 for f in not_these)

        eventually(found, seconds, lambda: f"{when}: {self.user}'s linphonec hears {', '.join(f'{f} Hz with {v:.0f}' for f, v in levels.items())}")

    def hears_digit(self, digit, seconds=8):
        """Both tones of it (ITU-T Q.23), from now on, in some 40 ms."""
        row = next(i for i, keys in enumerate(("123A", "456B", "789C", "*0#D")) if digit in keys)
        column = ("147*", "2580", "369#", "ABCD").index(next(keys for keys in ("147*", "2580", "369#", "ABCD") if digit in keys))
        pair = (697, 770, 852, 941)[row], (1209, 1336, 1477, 1633)[column]
        position = len(self.heard())

        def found():
            nonlocal position
            samples, window = self.heard(), self.rate // 25
            while position + window <= len(samples):
                if all(audio.amplitude(samples[position:position + window], f, self.rate) > 1000 for f in pair):
                    return True
                position += window // 2
            return False

        eventually(found, seconds, lambda: f"{self.user}'s linphonec does not hear {digit}")

    def hears_nothing(self, frequency, seconds=0.8):
        began = len(self.heard())
        time.sleep(seconds)
        level = audio.amplitude(self.heard()[began:], frequency, self.rate)
        check(level < 400, f"{self.user}'s linphonec hears {frequency} Hz with {level:.0f}")

    def close(self):
        try:
            self.command("quit")
            self.process.wait(4)
        except Exception:
            self.process.kill()
            self.process.wait()
        self.output.close()
