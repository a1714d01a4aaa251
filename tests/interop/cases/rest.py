"""The REST API as a program uses it: the first token, an account, a phone's call made from outside, events, revoking."""
import json
import os
import socket
import stat
import urllib.error
import urllib.request

from support.check import check, equal, eventually


class Api:
    def __init__(self, server, token=None):
        self.server = server
        self.token = token or (server.data / "admin-token").read_text().strip()

    def ask(self, method, path, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.server.http}/api/v1{path}", method=method,
                                         data=None if body is None else json.dumps(body).encode())
        request.add_header("Authorization", f"Bearer {self.token}")
        if body is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())


class Events:
    def __init__(self, server, token):
        self.socket = socket.create_connection(("127.0.0.1", server.http), 5)
        self.socket.settimeout(5)
        self.text = ""
        self.socket.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        self.wait_for("events of Parley")

    def wait_for(self, word):
        while word not in self.text:
            more = self.socket.recv(65536)
            check(more, f"the stream ended before {word}")
            self.text += more.decode()

    def ends(self):
        while self.socket.recv(65536):
            pass


def test_first_token_is_a_secret(context):
    path = context.server.data / "admin-token"
    equal(stat.S_IMODE(os.stat(path).st_mode), 0o600, "mode of admin-token")
    equal(Api(context.server).ask("GET", "/status")[0], 200, "with the first token")
    status, problem = Api(context.server, "parley_wrong").ask("GET", "/status")
    equal((status, problem["reason"]), (401, "token-wrong"), "with another")
    check(Api(context.server).token not in context.server.log_text(), "the token is in the log")


def test_account_is_made_and_registers(context):
    api = Api(context.server)
    equal(api.ask("POST", "/accounts", {"name": "restful", "password": "correct horse"})[0], 201, "POST /accounts")
    equal(api.ask("POST", "/accounts", {"name": "restful", "password": "correct horse"})[1]["reason"], "account-exists", "again")
    check("restful" in [a["name"] for a in api.ask("GET", "/accounts?limit=1000")[1]["accounts"]], "it is not listed")
    equal(api.ask("DELETE", "/accounts/restful")[0], 204, "DELETE")
    equal(api.ask("GET", "/accounts/restful")[0], 404, "afterwards")


def test_token_of_the_command_line_and_its_scope(context):
    token = context.server.command("api-token", "add", "--name", "interop", "--scope", "rooms:read").strip()
    api = Api(context.server, token)
    eventually(lambda: api.ask("GET", "/rooms")[0] == 200, 5, "the new token does not hold")
    status, problem = api.ask("POST", "/calls", {"from": "alice", "to": "bob"})
    equal((status, problem["reason"]), (403, "scope-missing"), "a call without the scope")


def test_events_end_with_their_token(context):
    api = Api(context.server)
    made = api.ask("POST", "/api-tokens", {"name": "watcher", "scopes": ["events"]})[1]
    events = Events(context.server, made["token"])
    equal(api.ask("DELETE", "/api-tokens/" + made["id"])[0], 204, "revoking")
    events.ends()


def test_description_is_public_and_its_page_is_strict(context):
    with urllib.request.urlopen(f"http://127.0.0.1:{context.server.http}/api/openapi.json", timeout=5) as answer:
        description = json.load(answer)
        equal(answer.headers["Access-Control-Allow-Origin"], None, "CORS")
    check("/accounts" in description["paths"], "no accounts in the description")
    equal(description["openapi"], "3.1.0", "openapi")
    with urllib.request.urlopen(f"http://127.0.0.1:{context.server.http}/api/", timeout=5) as answer:
        check("script-src 'self'" in answer.headers["Content-Security-Policy"], "Content-Security-Policy of the page")
        check(b"api-docs.js" in answer.read(), "the page")
