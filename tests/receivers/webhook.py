"""Verifies a message with the Standard Webhooks library. Takes `{secret, headers, body}` as JSON."""

import json
import sys

from standardwebhooks import Webhook, WebhookVerificationError

given = json.load(sys.stdin)
Webhook(given["secret"]).verify(given["body"], given["headers"])
for spoiled in (given["body"].replace("harbour", "hardware"), given["body"] + " "):
    try:
        Webhook(given["secret"]).verify(spoiled, given["headers"])
    except WebhookVerificationError:
        continue
    sys.exit("a changed body passes")
