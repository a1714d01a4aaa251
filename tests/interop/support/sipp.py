"""sipp scenarios, written in a few words each; sipp runs them over UDP and TCP."""
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from xml.sax.saxutils import quoteattr

from .check import Failure, Skip, free_media_ports

SDP = """v=0
o=sipp 1 [version] IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000
a=[direction]
"""


def sdp(direction="sendrecv", version=1):
    return SDP.replace("[direction]", direction).replace("[version]", str(version))


class Scenario:
    """A caller's or a called phone's side. Numbers of CSeq count by themselves."""

    def __init__(self, target="room1", user="guest", display=None):
        self.target, self.user = target, user
        self.display = f'"{display}" ' if display else ""
        self.steps, self.cseq, self.invite_cseq = [], 0, 0

    def _request(self, method, uri, to, headers, body, content_type, cseq, retransmit):
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        lines = [f"{method} {uri} SIP/2.0", "Via: SIP/2.0/[transport] [local_ip]:[local_port];rport;branch=[branch]", "Max-Forwards: 70",
                 f"From: {self.display}<sip:{self.user}@[remote_ip]>;tag=[pid]T[call_number]", f"To: {to}", "Call-ID: [call_id]",
                 f"CSeq: {cseq} {method}", f"Contact: <sip:{self.user}@[local_ip]:[local_port];transport=[transport]>", *headers]
        if body:
            lines.append(f"Content-Type: {content_type}")
        lines.append("Content-Length: [len]")
        text = "\n".join(lines) + "\n\n" + body
        attribute = ' retrans="500"' if retransmit else ""
        self.steps.append(f"<send{attribute}><![CDATA[\n{text}\n]]></send>")
        return self

    def outside(self, method, headers=(), body="", content_type="application/sdp", uri=None, to=None, cseq=None):
        """A request outside a dialog, to `target` or `uri`."""
        uri = uri or f"sip:{self.target}@[remote_ip]:[remote_port]"
        return self._request(method, uri, to or f"<sip:{self.target}@[remote_ip]>", headers, body, content_type, cseq, method != "ACK")

    def inside(self, method, headers=(), body="", content_type="application/sdp", cseq=None):
        return self._request(method, "[next_url]", f"<sip:{self.target}@[remote_ip]>[peer_tag_param]", ["[routes]", *headers], body,
                             content_type, cseq, method != "ACK")

    def invite(self, body=None, headers=()):
        self.outside("INVITE", headers, sdp() if body is None else body)
        self.invite_cseq, self.invite_step = self.cseq, len(self.steps) - 1
        return self

    def reinvite(self, body, headers=()):
        self.inside("INVITE", headers, body)
        self.invite_cseq = self.cseq
        return self

    def ack(self, body=""):
        """Of a 2xx."""
        return self.inside("ACK", body=body, cseq=self.invite_cseq)

    def ack_refusal(self):
        """Of any other final answer: same transaction as the INVITE."""
        text = "\n".join([f"ACK sip:{self.target}@[remote_ip]:[remote_port] SIP/2.0", "[last_Via:]", "[last_From:]", "[last_To:]", "[last_Call-ID:]",
                          f"CSeq: {self.invite_cseq} ACK", "Max-Forwards: 70", "Content-Length: 0"])
        self.steps.append(f"<send><![CDATA[\n{text}\n\n]]></send>")
        return self

    def cancel(self):
        text = "\n".join([f"CANCEL sip:{self.target}@[remote_ip]:[remote_port] SIP/2.0",
                          f"Via: SIP/2.0/[transport] [local_ip]:[local_port];rport;branch=[branch-{len(self.steps) - self.invite_step}]",
                          f"From: {self.display}<sip:{self.user}@[remote_ip]>;tag=[pid]T[call_number]", f"To: <sip:{self.target}@[remote_ip]>",
                          "Call-ID: [call_id]", f"CSeq: {self.invite_cseq} CANCEL", "Max-Forwards: 70", "Content-Length: 0"])
        self.steps.append(f'<send retrans="500"><![CDATA[\n{text}\n\n]]></send>')
        return self

    def bye(self):
        return self.inside("BYE").recv(200)

    def recv(self, what, optional=False, has=None, body=None, auth=False, timeout=8000):
        """A response by its status or a request by its method; `has`: expressions for headers by name, `body`: one for the body."""
        kind = "response" if isinstance(what, int) else "request"
        more = ' optional="true"' if optional else f' timeout="{timeout}"'
        if auth:
            more += ' auth="true"'
        if what in (180, 183, 200, 202, "INVITE"):
            more += ' rrs="true"'
        actions = ""
        for name, expression in (has or {}).items():
            actions += (f'<ereg regexp={quoteattr(expression)} search_in="hdr" header={quoteattr(name + ":")} '
                        'check_it="true" assign_to="seen"/>')
        if body:
            actions += f'<ereg regexp={quoteattr(body)} search_in="body" check_it="true" assign_to="seen"/>'
        inner = f"<action>{actions}</action>" if actions else ""
        self.steps.append(f'<recv {kind}="{what}"{more}>{inner}</recv>')
        return self

    def called(self, *statuses):
        """INVITE of 100 and what is in `statuses`."""
        self.recv(100, optional=True)
        for status in statuses:
            self.recv(status)
        return self

    def answer(self, status, reason="OK", body="", headers=(), tag=False):
        """The last request received."""
        to = "[last_To:];tag=[pid]U[call_number]" if tag else "[last_To:]"
        lines = [f"SIP/2.0 {status} {reason}", "[last_Via:]", "[last_Record-Route:]", "[last_From:]", to, "[last_Call-ID:]", "[last_CSeq:]",
                 f"Contact: <sip:{self.user}@[local_ip]:[local_port];transport=[transport]>", *headers]
        if body:
            lines.append("Content-Type: application/sdp")
        lines.append("Content-Length: [len]")
        retransmit = ' retrans="500"' if status >= 200 and body else ""
        self.steps.append(f"<send{retransmit}><![CDATA[\n" + "\n".join(lines) + f"\n\n{body}\n]]></send>")
        return self

    def marked(self, **attributes):
        """Attributes of sipp's for the last step (next, start_txn, response_txn)."""
        words = "".join(f' {name}="{value}"' for name, value in attributes.items())
        self.steps[-1] = re.sub(r"^<\w+", lambda tag: tag[0] + words, self.steps[-1])
        return self

    def label(self, number):
        """Where a step with next=`number` goes on."""
        self.steps.append(f'<label id="{number}"/>')
        return self

    def pause(self, milliseconds):
        self.steps.append(f'<pause milliseconds="{milliseconds}"/>')
        return self

    def xml(self):
        used = '<Reference variables="seen"/>' if 'assign_to="seen"' in "".join(self.steps) else ""
        return ('<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="parley">\n' + "\n".join(self.steps) + f"\n{used}</scenario>\n")


class Run:
    """A sipp that runs a scenario; finish() waits for its good end."""

    def __init__(self, context, server, scenario, transport="udp", port=None, seconds=15, user=None, password=None, arguments=()):
        if not shutil.which("sipp"):
            raise Skip("sipp is not installed")
        self.folder = Path(tempfile.mkdtemp(prefix="sipp-", dir=context.work))
        (self.folder / "scenario.xml").write_text(scenario.xml())
        media = free_media_ports()   # four, and one for SIP, and one for sipp's own control
        self.port = port or media + 8
        remote = server.udp if transport == "udp" else server.tcp
        command = ["sipp", f"127.0.0.1:{remote}", "-sf", "scenario.xml", "-m", "1", "-l", "1", "-i", "127.0.0.1", "-p", str(self.port),
                   "-mi", "127.0.0.1", "-mp", str(media), "-cp", str(media + 10), "-nostdin", "-timeout", str(seconds),
                   "-timeout_error", "-trace_err", "-error_file", "errors", "-trace_msg", "-message_file", "messages", "-key", "pid", str(os.getpid()),
                   "-t", "u1" if transport == "udp" else "t1", *arguments]
        if user:
            command += ["-au", user, "-ap", password]
        self.seconds = seconds
        self.process = subprocess.Popen(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def finish(self, what="sipp"):
        try:
            _, errors = self.process.communicate(timeout=self.seconds + 10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise Failure(f"{what}: sipp hangs")
        if self.process.returncode != 0:
            path = self.folder / "errors"
            text = path.read_text(errors="replace") if path.exists() else errors.decode(errors="replace")
            raise Failure(f"{what}: {' '.join(text.split())[:600] or 'ended with ' + str(self.process.returncode)}")

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


def run(context, server, scenario, transport="udp", **more):
    Run(context, server, scenario, transport, **more).finish(f"over {transport}")


def both(context, make, **more):
    """Over UDP and over TCP; make(transport) is a fresh scenario."""
    for transport in ("udp", "tcp"):
        run(context, context.server, make(transport), transport, **more)
