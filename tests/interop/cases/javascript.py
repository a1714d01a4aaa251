"""JsSIP and SIP.js over WebSocket, from Node. Calls with media are tested in browsers."""
import shutil
import subprocess
import threading
from pathlib import Path

from support.check import Failure, Skip

NODE = Path(__file__).resolve().parents[1] / "node"
E2E = NODE.parents[1] / "e2e"
OFFER = NODE / "chromium-offer.txt"
INSTALLING = threading.Lock()


def install_packages():
    if not any(all((place / "node_modules" / name).exists() for name in ("jssip", "sip.js", "ws")) for place in (NODE, E2E)):
        installed = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--silent"], cwd=NODE, capture_output=True, text=True, timeout=120)
        if installed.returncode != 0:
            raise Skip(f"npm install: {installed.stderr.strip()[:200]}")


def node(context, *arguments):
    if not shutil.which("node"):
        raise Skip("node is not installed")
    with INSTALLING:   # tests run side by side: one installs for all
        install_packages()
    try:
        done = subprocess.run(["node", *arguments], cwd=NODE, capture_output=True, text=True, timeout=40)
    except subprocess.TimeoutExpired:
        raise Failure("it hangs")
    if done.returncode != 0:
        raise Failure((done.stderr.strip() or done.stdout.strip())[-400:])


def url(context):
    return f"ws://127.0.0.1:{context.server.http}/ws"


def test_jssip_registers(context):
    node(context, "jssip.mjs", url(context), str(OFFER), "register")


def test_jssip_over_tls(context):
    node(context, "jssip.mjs", f"wss://127.0.0.1:{context.server.https}/ws", str(OFFER), "register")


def test_jssip_outside_a_call(context):
    node(context, "jssip.mjs", url(context), str(OFFER), "outside")


def test_jssip_room(context):
    """A call with a browser's offer: text to and fro, events."""
    node(context, "jssip.mjs", url(context), str(OFFER), "call")


def test_sipjs_registers(context):
    node(context, "sipjs.mjs", url(context))
