"""A line to the mail server that can be cut, slow or dumb, and a mail server that refuses."""

import socket
import threading
from contextlib import contextmanager, suppress


class Cut(Exception):
    """Raised by a behaviour: the connection drops here."""


class Line:
    """Relays SMTP on 127.0.0.1 between Odoo and a real mail server, and misbehaves as told.

    ``behaviour`` is a function that is asked at each stage of each session, in the session's thread: ``connect``; then
    the client's command (``MAIL``, ``RCPT``, ``DATA``...) before it is passed on; ``message`` before the text of a
    message is passed on; ``accepted`` when the server has taken the message and the client doesn't know yet. It gets
    the stage and the client's line, and returns None to let it pass or the text to answer in the server's place;
    or it waits, or raises :class:`Cut`.

    :param int server_port: port of the real mail server
    """

    def __init__(self, server_port):
        self.server_port = server_port
        self.behaviour = None
        self.accepted = 0
        self._listener = None
        self._released = threading.Event()
        self.port = 0

    def __enter__(self):
        self.restore()
        return self

    def __exit__(self, *_exception):
        self.refuse()

    # ------------------------------------------------------------
    # What the tests tell it
    # ------------------------------------------------------------

    def restore(self):
        """Listen, and let everything pass."""
        self._release()
        self.behaviour = None
        self.accepted = 0
        if not self._listener:
            self._listener = socket.socket()
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind(("127.0.0.1", self.port))
            self._listener.listen(16)
            self.port = self._listener.getsockname()[1]
            threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()

    def refuse(self):
        """Refuse connections."""
        self._release()
        if self._listener:
            # only this wakes the thread that accepts
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None

    def hang_at(self, *stages):
        """Say nothing any more when a session comes to one of these stages."""
        released = self._released
        self.behaviour = lambda stage, _text: released.wait(60) if stage in stages else None

    def cut_at(self, *stages, when=lambda _text: True):
        """Drop the connection at these stages.

        :param when: function of the client's line that says whether to
        """

        def behaviour(stage, text):
            if stage in stages and when(text):
                raise Cut

        self.behaviour = behaviour

    def answer_at(self, stage, reply, when=lambda _text: True):
        """Answer in the mail server's place.

        :param str reply: such as ``451 try later``
        :param when: function of the client's line that says whether to
        """
        self.behaviour = lambda now, text: reply if now == stage and when(text) else None

    @contextmanager
    def stopped_at(self, stage, after=0):
        """Give an event that is set when the line has come to a stage; it waits there until the block ends.

        :param int after: how many times it passes before
        """
        there, go_on = threading.Event(), threading.Event()
        left = [after]

        def behaviour(now, _text):
            if now == stage:
                left[0] -= 1
                if left[0] < 0 and not there.is_set():
                    there.set()
                    go_on.wait(60)

        self.behaviour = behaviour
        try:
            yield there
        finally:
            self.behaviour = None
            go_on.set()

    # ------------------------------------------------------------
    # Sessions
    # ------------------------------------------------------------

    def _release(self):
        """Let the sessions go on that hang."""
        self._released.set()
        self._released = threading.Event()

    def _accept(self, listener):
        while True:
            try:
                client, _address = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _ask(self, client, stage, text=""):
        """Ask the behaviour at a stage, then see whether the client is still there: it may have been killed."""
        behaviour = self.behaviour
        answer = behaviour(stage, text) if behaviour else None
        client.setblocking(False)
        try:
            if not client.recv(1, socket.MSG_PEEK):
                raise Cut
        except BlockingIOError:
            # it waits for our answer
            pass
        finally:
            client.setblocking(True)
        return answer

    def _serve(self, client):
        # what one end does to the other, such as a kill, ends the session
        with client, suppress(OSError, Cut):
            self._ask(client, "connect")
            with socket.create_connection(("127.0.0.1", self.server_port)) as server:
                self._relay(client, client.makefile("rb"), server, server.makefile("rb"))

    def _relay(self, client, commands, server, replies):
        client.sendall(_read_reply(replies))
        for command in commands:
            stage = command[:4].decode("latin-1").upper()
            answer = self._ask(client, stage, command.decode("latin-1"))
            if isinstance(answer, str):
                client.sendall(answer.encode() + b"\r\n")
                continue
            if stage == "DATA":
                self._relay_message(client, commands, server, replies)
                continue
            server.sendall(command)
            client.sendall(_read_reply(replies))

    def _relay_message(self, client, commands, server, replies):
        client.sendall(b"354 go on\r\n")
        text = b"".join(iter(commands.readline, b".\r\n"))
        answer = self._ask(client, "message", text.decode("latin-1"))
        if isinstance(answer, str):
            server.sendall(b"RSET\r\n")
            _read_reply(replies)
            client.sendall(answer.encode() + b"\r\n")
            return
        server.sendall(b"DATA\r\n")
        _read_reply(replies)
        server.sendall(text + b".\r\n")
        reply = _read_reply(replies)
        self.accepted += 1
        self._ask(client, "accepted", text.decode("latin-1"))
        client.sendall(reply)


def _read_reply(replies):
    """Read one reply of a server, which may have several lines."""
    lines = []
    while not lines or lines[-1][3:4] == b"-":
        lines.append(replies.readline())
        if not lines[-1]:
            raise ConnectionError("the mail server closed the connection")
    return b"".join(lines)
