"""Providers of mobile push (Firebase Cloud Messaging, HTTP v1) and of text messages (Twilio's shape), as
their documents describe them. Refuses what they would refuse; every message that was taken is a line of
JSON on the standard output.

Arguments: a port, the file of the service account's public key.
"""

import base64
import json
import re
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

ORIGIN = f"http://127.0.0.1:{sys.argv[1]}"
with open(sys.argv[2], "rb") as file:
    KEY = serialization.load_pem_public_key(file.read())
GRANTED = "ya29.granted"


def decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def granted(form):
    """RFC 7523, as Google has it."""
    if form.get("grant_type") != ["urn:ietf:params:oauth:grant-type:jwt-bearer"]:
        return False
    head, claims, signature = form["assertion"][0].split(".")
    text = f"{head}.{claims}".encode()
    KEY.verify(decoded(signature), text, padding.PKCS1v15(), hashes.SHA256())
    claims, now = json.loads(decoded(claims)), time.time()
    return (
        json.loads(decoded(head))["alg"] == "RS256"
        and claims["iss"] == "hanse@harbour.iam.example"
        and claims["aud"] == f"{ORIGIN}/token"
        and claims["scope"] == "https://www.googleapis.com/auth/firebase.messaging"
        and claims["iat"] <= now + 1
        and now < claims["exp"] <= claims["iat"] + 3600
    )


def pushed(body):
    """The part of FCM's message that is used: nothing else may be in it."""
    if set(body) != {"message"} or set(body["message"]) != {"token", "notification", "data"}:
        return False
    message = body["message"]
    texts = [*message["notification"].values(), *message["data"].values(), message["token"]]
    known = {"title", "body"}
    return set(message["notification"]) == known and all(isinstance(text, str) for text in texts)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            self.route(body)
        except Exception as error:
            print(json.dumps({"wrong": repr(error), "path": self.path}), flush=True)
            self.answer(400, {"error": {"status": "INVALID_ARGUMENT"}})

    def route(self, body):
        kind = self.headers["content-type"].split(";")[0]
        if self.path == "/token":
            assert kind == "application/x-www-form-urlencoded"
            if not granted(parse_qs(body.decode())):
                return self.answer(401, {"error": "invalid_grant"})
            return self.answer(200, {"access_token": GRANTED, "token_type": "Bearer", "expires_in": 3599})
        if self.path == "/v1/projects/harbour/messages:send":
            if self.headers["authorization"] != f"Bearer {GRANTED}":
                return self.answer(401, {"error": {"status": "UNAUTHENTICATED"}})
            message = json.loads(body)
            assert kind == "application/json" and pushed(message), message
            if message["message"]["token"].startswith("gone"):
                return self.answer(404, {"error": {"status": "NOT_FOUND"}})
            print(json.dumps({"push": message["message"]}), flush=True)
            return self.answer(200, {"name": "projects/harbour/messages/1"})
        if self.path == "/2010-04-01/Accounts/AC1/Messages.json":
            credentials = base64.b64encode(b"AC1:secret").decode()
            if self.headers["authorization"] != f"Basic {credentials}":
                return self.answer(401, {"code": 20003})
            assert kind == "application/x-www-form-urlencoded"
            form = {name: values[0] for name, values in parse_qs(body.decode(), strict_parsing=True).items()}
            assert set(form) == {"To", "From", "Body"} and 1 <= len(form["Body"]) <= 1600, form
            if not re.fullmatch(r"\+[1-9]\d{5,14}", form["To"]):
                return self.answer(400, {"code": 21211})
            print(json.dumps({"sms": form}), flush=True)
            return self.answer(201, {"sid": "SM1", "status": "queued"})
        self.answer(404, {"code": 20404})


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print(json.dumps({"ready": True}), flush=True)
server.serve_forever()
