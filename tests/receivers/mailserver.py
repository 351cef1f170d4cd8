"""A mail server that can be asked for trouble: aiosmtpd.

Arguments: a port. Recipients decide what happens by their names: `later@` is refused for now twice and
then taken, `never@` is refused for good, `cut@` loses the connection in the middle of the first letter.
Every letter that was taken, and every refusal, is a line of JSON on the standard output.
"""

import asyncio
import base64
import json
import sys

from aiosmtpd.smtp import SMTP


def say(**what):
    print(json.dumps(what), flush=True)


class Handler:
    def __init__(self):
        self.tries = {}

    async def handle_RCPT(self, server, session, envelope, address, options):
        name = address.split("@")[0]
        tried = self.tries[address] = self.tries.get(address, 0) + 1
        if name == "later" and tried <= 2:
            say(refused=address, code=451)
            return "451 4.3.0 Not now"
        if name == "never":
            say(refused=address, code=550)
            return "550 5.1.1 Nobody of this name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        letter = base64.b64encode(envelope.original_content).decode()
        say(taken=envelope.rcpt_tos, letter=letter)
        return "250 OK"


class Server(SMTP):
    """Drops the connection when the first letter for `cut@` is on its way."""

    cut = set()

    async def smtp_DATA(self, argument):
        names = [address.split("@")[0] for address in self.envelope.rcpt_tos]
        peer = tuple(self.envelope.rcpt_tos)
        if "cut" in names and peer not in Server.cut:
            Server.cut.add(peer)
            await self.push("354 Go on")
            await self._reader.readline()
            say(cut=list(peer))
            self.transport.abort()
            return
        await super().smtp_DATA(argument)


async def main():
    handler = Handler()
    loop = asyncio.get_running_loop()

    def make():
        return Server(handler, hostname="receiver.test", enable_SMTPUTF8=True, loop=loop)

    server = await loop.create_server(make, "127.0.0.1", int(sys.argv[1]))
    say(ready=True)
    await server.serve_forever()


asyncio.run(main())
