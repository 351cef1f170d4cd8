"""A real client signs a person in: authlib, with a browser of a few lines.

Told by the environment: ISSUER, CLIENT_ID, CLIENT_SECRET, MACHINE_ID, MACHINE_SECRET, EMAIL, PASSWORD,
and of a program whose tokens are signed by RS256 and that hears who signs out at LISTEN: RSA_ID, RSA_SECRET.
Exits 0 when everything is as the standards say.
"""

import os
import queue
import re
import sys
import threading
from html import unescape
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urljoin, urlsplit

import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.common.security import generate_token
from joserfc import jwt
from joserfc.jwk import KeySet

ISSUER = os.environ["ISSUER"]
REDIRECT = "http://127.0.0.1:9/callback"


class Browser:
    """Keeps cookies as a browser does for a host that it trusts, and submits forms."""

    def __init__(self):
        self.cookies = {}

    def send(self, method, url, site, data=None):
        headers = {"sec-fetch-site": site, "user-agent": "Browser"}
        if self.cookies:
            headers["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = requests.request(method, url, headers=headers, data=data, allow_redirects=False)
        for line in answer.raw.headers.getlist("set-cookie"):
            name, value = line.split(";")[0].split("=", 1)
            self.cookies[name] = value
        return answer

    def open(self, url):
        return self.send("GET", url, "none")

    def submit(self, page, **fields):
        action = re.search(r'<form method="post" action="([^"]+)"', page.text)[1]
        hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text)
        data = {name: unescape(value) for name, value in hidden} | fields
        return self.send("POST", urljoin(ISSUER, action), "same-origin", data)


def check(condition, what):
    if not condition:
        sys.exit(f"failed: {what}")
    print("ok:", what)


def main():
    provider = requests.get(f"{ISSUER}/.well-known/openid-configuration").json()
    check(provider["issuer"] == ISSUER, "discovery names the issuer")
    signs_in(provider)
    machine(provider)
    hears_who_signs_out(provider)


class Ears(BaseHTTPRequestHandler):
    """Receives logout tokens (OpenID Connect Back-Channel Logout, section 2.5)."""

    heard = queue.Queue()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        self.heard.put((self.headers["content-type"], parse_qs(body)))
        self.send_response(200)
        self.send_header("cache-control", "no-store")
        self.end_headers()

    def log_message(self, *_):
        pass


def hears_who_signs_out(provider):
    host, port = os.environ["LISTEN"].split(":")
    server = HTTPServer((host, int(port)), Ears)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    name, secret = os.environ["RSA_ID"], os.environ["RSA_SECRET"]
    client, token, nonce, browser = let_in(provider, name, secret)
    keys = published(provider)
    told = jwt.decode(token["id_token"], keys, algorithms=["RS256"])
    rules(name, nonce=nonce).validate(told.claims)
    check(told.header["alg"] == "RS256", "an ID token signed by RS256")

    page = browser.open(f"{provider['end_session_endpoint']}?client_id={name}")
    browser.submit(page)
    kind, body = Ears.heard.get(timeout=60)
    check(kind == "application/x-www-form-urlencoded", "a logout token arrives in a form")
    said = jwt.decode(body["logout_token"][0], keys, algorithms=["RS256"])
    check(said.header["typ"] == "logout+jwt", "whose type is that of logout tokens")
    rules(name, jti={"essential": True}, iat={"essential": True}).validate(said.claims)
    event = "http://schemas.openid.net/event/backchannel-logout"
    check(said.claims["events"] == {event: {}} and "nonce" not in said.claims, "and says so")
    same = said.claims["sid"] == told.claims["sid"] and said.claims["sub"] == told.claims["sub"]
    check(same, "about the session of the ID token")
    refused = client.get(provider["userinfo_endpoint"]).status_code
    check(refused == 401, "whose tokens are worth nothing")
    server.shutdown()


def published(provider):
    return KeySet.import_key_set(requests.get(provider["jwks_uri"]).json())


def rules(audience, nonce=None, **more):
    wanted = dict(
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": audience},
        exp={"essential": True},
        sub={"essential": True},
    )
    if nonce:
        wanted["nonce"] = {"essential": True, "value": nonce}
    return jwt.JWTClaimsRegistry(**wanted, **more)


def let_in(provider, name, secret):
    """Signs a person in for this program: the program, its tokens, the nonce and the browser."""
    client = OAuth2Session(
        name,
        secret,
        scope="openid profile email offline_access",
        redirect_uri=REDIRECT,
        code_challenge_method="S256",
    )
    verifier, nonce = generate_token(64), generate_token(20)
    url, state = client.create_authorization_url(
        provider["authorization_endpoint"], code_verifier=verifier, nonce=nonce
    )
    browser = Browser()
    page = browser.open(url)
    check("Sign in" in page.text, "the page to sign in")
    step = browser.submit(page, email=os.environ["EMAIL"], password=os.environ["PASSWORD"])
    page = browser.open(urljoin(ISSUER, step.headers["location"]))
    check("Allow access?" in page.text, "the page to consent")
    step = browser.submit(page, decision="allow")
    back = browser.open(urljoin(ISSUER, step.headers["location"])).headers["location"]
    check(back.startswith(REDIRECT + "?"), "sent back")
    check(parse_qs(urlsplit(back).query)["iss"] == [ISSUER], "RFC 9207: the issuer answers")
    token = client.fetch_token(
        provider["token_endpoint"], authorization_response=back, state=state, code_verifier=verifier
    )
    return client, token, nonce, browser


def signs_in(provider):
    name = os.environ["CLIENT_ID"]
    client, token, nonce, _ = let_in(provider, name, os.environ["CLIENT_SECRET"])
    said = jwt.decode(token["id_token"], published(provider), algorithms=["EdDSA", "Ed25519"])
    rules(name, nonce=nonce).validate(said.claims)
    check(said.claims["email"] == os.environ["EMAIL"], "the ID token is valid and says who it is")
    info = client.get(provider["userinfo_endpoint"]).json()
    check(info["sub"] == said.claims["sub"], "userinfo is about the same person")
    old = token["refresh_token"]
    fresh = client.refresh_token(provider["token_endpoint"], refresh_token=old)
    check(fresh["refresh_token"] != old, "refresh tokens rotate")
    seen = client.introspect_token(provider["introspection_endpoint"], token=fresh["access_token"])
    check(seen.json()["active"] is True, "introspection")
    client.revoke_token(provider["revocation_endpoint"], token=fresh["refresh_token"])
    seen = client.introspect_token(provider["introspection_endpoint"], token=fresh["access_token"])
    check(seen.json() == {"active": False}, "revocation")


def machine(provider):
    machine = OAuth2Session(os.environ["MACHINE_ID"], os.environ["MACHINE_SECRET"], scope="identity:read")
    token = machine.fetch_token(provider["token_endpoint"], grant_type="client_credentials")
    check(token["scope"] == "identity:read", "a program by itself")
    check(machine.get(f"{ISSUER}/users/me").status_code == 200, "which may what its scope says")


main()
