"""Receives mail on 127.0.0.1 and hands it to Odoo: ``python -m tools.inside.mailgate PORT ADDRESS DATABASE PASSWORD``.

It calls what Odoo's script ``odoo-mailgate.py`` calls for a real mail server, in the same way, and
answers as that server would with the script's exit status.
"""

import asyncio
import sys
import xmlrpc.client

from aiosmtpd.controller import Controller

MOST_BYTES = 50 * 2**20
ADMINISTRATOR = 2  # who hands the mail over; Odoo files it as itself


class Handler:
    """Hands each message to Odoo while the sender waits, so that it learns what came of it.

    :param str address: of Odoo's web server
    :param str database: its name
    :param str password: of the administrator
    """

    def __init__(self, address, database, password):
        self._object = f"{address}/xmlrpc/2/object"
        self._login = (database, ADMINISTRATOR, password)

    async def handle_DATA(self, _server, _session, envelope):
        """Answer with the status that the sender gets (aiosmtpd's hook)."""
        traces = [f"Return-Path: <{envelope.mail_from or ''}>"]
        # as mail servers do, for Odoo to know the address that it was really sent to
        traces += [f"Delivered-To: {address}" for address in envelope.rcpt_tos]
        message = "".join(f"{trace}\r\n" for trace in traces).encode() + envelope.content
        return await asyncio.to_thread(self._hand_over, message)

    def _hand_over(self, message):
        try:
            # a connection of its own: messages come side by side
            with xmlrpc.client.ServerProxy(self._object, allow_none=True) as odoo:
                arguments = [False, xmlrpc.client.Binary(message)]
                odoo.execute_kw(*self._login, "mail.thread", "message_process", arguments, {})
        except xmlrpc.client.Fault as fault:
            if "No possible route" in fault.faultString:
                return "550 5.1.1 Nobody has this address"
            words = fault.faultString.strip().splitlines() or ["no reason given"]
            return f"554 5.3.0 Odoo does not take it: {words[-1][:400]}"
        except (OSError, xmlrpc.client.ProtocolError) as error:
            return f"451 4.3.0 Odoo can't be reached: {type(error).__name__}"
        return "250 2.0.0 Filed"


def main(port, *odoo):
    """Serve until it is ended."""
    controller = Controller(
        Handler(*odoo), hostname="127.0.0.1", port=int(port), data_size_limit=MOST_BYTES
    )
    controller.start()
    asyncio.run(asyncio.Event().wait())


if __name__ == "__main__":
    main(*sys.argv[1:])
