"""Reads a letter as mail programs do, and checks its DKIM signature with dkimpy.

Arguments: the file of the public key. The letter comes on the standard input. Exits 0 when the signature
is good and covers what RFC 8058 asks for; prints what the letter says as JSON.
"""

import email
import email.policy
import json
import sys

import dkim


def is_good(letter, lookup):
    try:
        return dkim.DKIM(letter).verify(dnsfunc=lookup)
    except dkim.DKIMException:
        return False


def main():
    raw = sys.stdin.buffer.read()
    with open(sys.argv[1], encoding="ascii") as file:
        key = "".join(line.strip() for line in file if "-----" not in line)

    def lookup(name, timeout=5):
        text = f"v=DKIM1; k=rsa; p={key}" if name == b"hanse._domainkey.example.com." else None
        return text and text.encode()

    signature = dkim.DKIM(raw)
    if not signature.verify(dnsfunc=lookup):
        sys.exit("the signature is not good")
    covered = {name.lower() for name in signature.include_headers}
    letter = email.message_from_bytes(raw, policy=email.policy.default)
    if letter["List-Unsubscribe"]:
        for name in (b"list-unsubscribe", b"list-unsubscribe-post"):
            if name not in covered:
                sys.exit(f"{name} is not covered by the signature")
    # A letter that was changed on its way must not pass.
    changes = (
        (b"harbour", b"hardware"),
        (b"Subject: ", b"Subject: Re: "),
        (b"multipart/alternative", b"multipart/mixed"),
        (b"List-Unsubscribe: <", b"List-Unsubscribe: <https://evil.example/>, <"),
    )
    for old, new in changes:
        changed = raw.replace(old, new)
        if changed != raw and is_good(changed, lookup):
            sys.exit(f"the signature does not cover {old}")
    forms = {part.get_content_type(): part.get_content() for part in letter.walk() if not part.is_multipart()}
    print(
        json.dumps(
            {
                "kind": letter.get_content_type(),
                "message_id": letter["Message-ID"],
                "subject": letter["Subject"],
                "to": letter["To"],
                "unsubscribe": letter["List-Unsubscribe"],
                "unsubscribe_post": letter["List-Unsubscribe-Post"],
                "text": forms["text/plain"],
                "html": forms["text/html"],
            }
        )
    )


main()
