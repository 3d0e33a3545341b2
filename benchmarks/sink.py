"""A mail server that accepts every message and keeps none: ``python -m benchmarks.sink`` prints its port."""

import asyncio


async def main():
    server = await asyncio.start_server(_converse, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def _converse(reader, writer):
    """Speak as much SMTP as Python's smtplib asks for."""

    def say(text):
        writer.write(f"{text}\r\n".encode())

    say("220 sink")
    while line := await reader.readline():
        command = line.strip().upper()[:4]
        if command == b"DATA":
            say("354 go on")
            while (await reader.readline()) not in (b".\r\n", b""):
                pass
        say("221 bye" if command == b"QUIT" else "250 sink")
        await writer.drain()
        if command == b"QUIT":
            break
    writer.close()


if __name__ == "__main__":
    asyncio.run(main())
