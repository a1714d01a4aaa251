"""Webphones of a line, by JsSIP from Node: connect, roster, calls between them, extensions and tokens (spec: webphone-api)."""
from cases.javascript import OFFER, node, url


def webphone(context, *what):
    node(context, "webphone.mjs", url(context), f"http://127.0.0.1:{context.server.http}", str(OFFER), *what)


def test_two_clients_see_and_call_each_other(context):
    webphone(context, "line")


def test_one_that_vanishes_is_offline_within_20_seconds(context):
    webphone(context, "vanish")


test_one_that_vanishes_is_offline_within_20_seconds.waits = True


def test_one_that_is_back_in_time_was_never_gone(context):
    webphone(context, "back")


test_one_that_is_back_in_time_was_never_gone.waits = True


def test_extensions_and_tokens(context):
    token = context.server.command("token", "--line", "webphone1", "--name", "Vouched For").strip()
    webphone(context, "extension", token)
