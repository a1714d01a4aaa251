"""SIP over TLS, by openssl and by Python's ssl; the certificate that Parley makes, and another one at SIGHUP."""
import hashlib
import os
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import time

from support.check import Skip, check, equal, eventually
from support.rtp import Media
from support.server import Server
from support.sip import Phone

LISTENERS = """
[[sip]]
transport = "udp"
address = "127.0.0.1:0"
[[sip]]
transport = "tls"
address = "127.0.0.1:0"
[[http]]
address = "127.0.0.1:0"
"""


def make_certificate(folder, name):
    if not shutil.which("openssl"):
        raise Skip("openssl is not installed")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", f"/CN={name}", "-keyout", folder / "key.new", "-out", folder / "cert.new"], check=True, capture_output=True)
    os.replace(folder / "key.new", folder / "key.pem")
    os.replace(folder / "cert.new", folder / "cert.pem")


def fingerprint(port):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), 5) as raw, context.wrap_socket(raw) as s:
        return hashlib.sha256(s.getpeercert(True)).hexdigest()


def test_openssl_client(context):
    if not shutil.which("openssl"):
        raise Skip("openssl is not installed")
    phone = Phone(context.server)      # for its text alone
    request = phone.request("OPTIONS", via="SIP/2.0/TLS 127.0.0.1:9;rport;branch=z9hG4bKopenssl").decode()
    phone.close()
    for version in ("-tls1_2", "-tls1_3"):
        process = subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{context.server.tls}", "-quiet", version], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdin.write(request.encode())
        process.stdin.flush()
        line = process.stdout.readline()
        process.kill()
        process.communicate()
        equal(line, b"SIP/2.0 200 OK\r\n", version)
    old = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{context.server.tls}", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], input="",
                         capture_output=True, text=True, timeout=10)
    check(old.returncode != 0, "TLS 1.1 is taken")


def test_register_and_call(context):
    phone, other, media = Phone(context.server, "tls", user="alice"), Phone(context.server), Media()
    phone.register(contact="*", expires=0)
    phone.register()
    other.send(other.request("INVITE", "sip:alice@127.0.0.1", body=media.sdp(), content_type="application/sdp"))
    invite = phone.requested("INVITE")
    check("SIP/2.0/TLS" in invite.get("Via"), f"Via {invite.get('Via')}")
    phone.answer(invite, 486, "Busy Here")
    equal(other.final("INVITE").status, 486, "the caller's answer")
    guest = Phone(context.server, "tls")
    guest.call("tls", media).bye()
    phone.register(expires=0)
    for p in (phone, other, guest):
        p.close()
    media.close()


def test_own_certificate_is_kept_and_private(context):
    server = context.start(name="selfmade", listeners=LISTENERS)
    first = fingerprint(server.tls)
    for path in server.data.rglob("*.pem"):
        if "PRIVATE KEY" in path.read_text():
            equal(stat.S_IMODE(path.stat().st_mode), 0o600, f"mode of {path.name}")
    server.stop()
    server.start()
    equal(fingerprint(server.tls), first, "the certificate after a new start")
    server.stop()


def test_sighup_reads_certificates_again(context):
    server = Server(context.work, "sighup", accounts=("alice",), listeners=LISTENERS)
    make_certificate(server.folder, "first")
    server.config.write_text(server.config.read_text() + f'[tls]\ncertificate = "{server.folder}/cert.pem"\nkey = "{server.folder}/key.pem"\n')
    server.start()
    context.own.append(server)
    first = fingerprint(server.tls)
    phone, media = Phone(server, "tls"), Media()
    dialog = phone.call("stays", media)
    make_certificate(server.folder, "second")
    server.signal(signal.SIGHUP)
    eventually(lambda: fingerprint(server.tls) != first, 5, "the old certificate is shown")
    second = fingerprint(server.tls)
    (server.folder / "cert.pem").write_text("-----BEGIN CERTIFICATE-----\nhalf")
    server.signal(signal.SIGHUP)
    time.sleep(0.5)
    equal(fingerprint(server.tls), second, "the certificate while the file is half-written")
    equal(dialog.ask("OPTIONS").status, 200, "a call from before")
    dialog.bye()
    phone.close()
    media.close()
    server.stop()


def test_plain_text_on_the_tls_port(context):
    s = socket.create_connection(("127.0.0.1", context.server.tls), 5)
    s.sendall(b"OPTIONS sip:x SIP/2.0\r\n\r\n")
    s.settimeout(5)
    try:
        while s.recv(1000):
            pass
    except ConnectionResetError:
        pass
    s.close()
    phone = Phone(context.server, "tls")
    equal(phone.ask("OPTIONS").status, 200, "OPTIONS over TLS")
    phone.close()
