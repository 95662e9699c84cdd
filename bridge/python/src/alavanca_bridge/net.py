"""The *net* process: the socket to the engine, the worker's process, and the clock. What is decided is decided in
`bridge.py`.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
import ssl
import sys
import time

log = logging.getLogger("alavanca_bridge")

#: A line of the worker's may be long: a day of deals.
ANSWER_MAX = 1 << 28
BACK_OFF_SECONDS = (0.1, 0.2, 0.5, 1, 2, 5)
CONNECT_SECONDS = 10
#: An engine that does not read for so many bytes is lost.
UNREAD_MAX = 16 << 20
#: The worker's beginning: its first errand may have to start the terminal.
BEGIN_SECONDS = 90
#: OpenSSL's codes for a certificate that is another name's or another address's.
_OTHER_NAME = (62, 64)


async def end_all(tasks):
    """Cancels tasks until all have ended. Once is not enough: before Python 3.12 `wait_for` loses a cancellation that comes
    in the moment in which what it waits for is done."""
    going = set(tasks)
    while going:
        for task in going:
            task.cancel()
        _, going = await asyncio.wait(going, timeout=0.5)
    # Whatever they failed with was told, or comes from their being ended.
    await asyncio.gather(*tasks, return_exceptions=True)


class Net:
    """Runs a bridge. `engine` is host and port, `tls` an `ssl.SSLContext` with the name to check, or `None`."""

    def __init__(self, bridge, engine, worker_lock, login, limit_ms, tick_ms, tls=None):
        self._bridge = bridge
        self._engine = engine
        self._lock = worker_lock
        self._login = login
        self._limit = limit_ms
        self._tick = tick_ms / 1000
        self._tls = tls
        self._process = None
        self._deadline = None
        self._killed = False
        self._answers = 0
        self._holder = (None, 0.0)
        self._idle = False
        self._writer = None
        self._stop = None

    async def run(self):
        """Runs until a signal ends it."""
        self._stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for name in ("SIGTERM", "SIGINT"):
            with contextlib.suppress(NotImplementedError, AttributeError):
                loop.add_signal_handler(getattr(signal, name), self._stop.set)
        tasks = [asyncio.create_task(work()) for work in (self._workers, self._sessions, self._clock)]
        tasks.append(asyncio.create_task(self._stop.wait()))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._bridge.leave("the bridge is being ended", *_now())
            # The session may end meanwhile.
            writer = self._writer
            if writer is not None:
                with contextlib.suppress(OSError, asyncio.TimeoutError):
                    await asyncio.wait_for(writer.drain(), 1)
                writer.close()
            await end_all(tasks)
            await self._end_worker()

    # -- the engine ---------------------------------------------------------------------------------------------------

    async def _sessions(self):
        failures, said = 0, None
        while True:
            try:
                was_up = await self._session()
                failures, said = 0 if was_up else failures + 1, None
            except (OSError, asyncio.TimeoutError) as error:
                failures += 1
                why = self._why(error)
                # Dialled again and again; said once.
                log.log(logging.DEBUG if why == said else logging.ERROR if self._is_tls(error) else logging.INFO, "%s", why)
                said = why
            await asyncio.sleep(BACK_OFF_SECONDS[min(failures, len(BACK_OFF_SECONDS) - 1)])

    @staticmethod
    def _is_tls(error):
        return isinstance(error, ssl.SSLError)

    def _why(self, error):
        """Why there is no connection, and what to do."""
        host, port = self._engine
        at = f"no engine at {host}:{port}"
        if isinstance(error, ssl.SSLCertVerificationError):
            if error.verify_code in _OTHER_NAME:
                return (
                    f"{at}: its certificate is not for {self._tls[1]} ({error.verify_message}): name with --tls-name what it "
                    "is for, or have one made for that name"
                )
            return (
                f"{at}: --tls-ca does not vouch for its certificate ({error.verify_message}): give the file that the engine's "
                "MT5_TLS_CERT names, or its authority's; if nobody changed it, somebody else answers there"
            )
        if isinstance(error, ssl.SSLError):
            return (
                f"{at} by TLS 1.2 or newer ({error.reason or error}): does it listen with MT5_TLS_CERT and MT5_TLS_KEY? "
                "Without them it speaks plain text, on its own machine alone, and --tls-ca is to be left out"
            )
        return f"{at}: {error or 'it did not answer in time'}"

    async def _session(self):
        """One connection, to its end. Whether a session stood."""
        context, name = self._tls or (None, None)
        named = {"ssl": context, "server_hostname": name} if context else {}
        reader, writer = await asyncio.wait_for(asyncio.open_connection(*self._engine, **named), CONNECT_SECONDS)
        was_up = False
        self._writer = writer
        log.info("connected to the engine at %s:%s", *self._engine)
        self._bridge.connected(self._send, *_now())
        why = "the connection was closed"
        try:
            while data := await reader.read(1 << 16):
                ended = self._bridge.received(data, *_now())
                was_up = was_up or self._bridge.up
                if ended:
                    why = ended
                    break
                self._go_on()
        except OSError as error:
            why = f"the connection broke: {error}"
        finally:
            self._bridge.disconnected(why, *_now())
            self._writer = None
            with contextlib.suppress(OSError, asyncio.TimeoutError):
                await asyncio.wait_for(writer.drain(), 1)
            writer.close()
        log.info("connection ended: %s", why)
        return was_up

    def _send(self, line):
        if self._writer.transport.get_write_buffer_size() > UNREAD_MAX:
            self._writer.transport.abort()
            return
        self._writer.write(line)

    # -- the worker ---------------------------------------------------------------------------------------------------

    async def _workers(self):
        while True:
            why = await self._worker()
            log.error("the worker is gone: %s", why)
            self._went(self._bridge.worker_lost(why, *_now()))
            await asyncio.sleep(0.2)

    async def _worker(self):
        """One worker, to its end. Why it ended."""
        command = [sys.executable, "-m", "alavanca_bridge.worker"]
        self._process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=ANSWER_MAX
        )
        try:
            self._killed, self._answers = False, 0
            self._deadline = time.monotonic() + BEGIN_SECONDS
            self._give({"lock": self._lock, "login": self._login})
            begin = await self._line()
            if begin is None or "busy" in begin:
                self._clear_the_way(begin)
                return "it could not begin" if begin is None else begin["busy"]
            self._idle = True
            self._bridge.worker_ready(*_now())
            self._go_on()
            while (answer := await self._line()) is not None:
                self._idle = True
                self._answers += 1
                self._went(self._bridge.answer(answer, *_now()))
                self._go_on()
            return "it did not answer in time and was killed" if self._killed else "it ended"
        finally:
            self._idle = False
            await self._end_worker()

    async def _line(self):
        line = await self._process.stdout.readline()
        return json.loads(line) if line.endswith(b"\n") else None

    def _give(self, errand):
        self._process.stdin.write(json.dumps(errand, separators=(",", ":")).encode() + b"\n")

    def _clear_the_way(self, begin):
        """A worker of a bridge that was killed may still sit in a call: it is given its time, then it is killed."""
        pid = begin and begin["pid"]
        if not pid:
            return
        if pid != self._holder[0]:
            self._holder = (pid, time.monotonic())
        elif time.monotonic() - self._holder[1] > self._limit / 1000:
            log.error("a worker left behind (%s) does not end; it is killed", pid)
            with contextlib.suppress(OSError):
                os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))

    async def _end_worker(self):
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError, OSError):
            process.kill()
        await process.wait()

    def _go_on(self):
        """Gives an idle worker its next errand."""
        self._went(self._bridge.time(*_now()))
        if self._idle and self._process is not None:
            errand = self._bridge.next_errand()
            if errand is not None:
                self._idle = False
                limit = self._limit / 1000
                self._deadline = time.monotonic() + (limit if self._answers else max(limit, BEGIN_SECONDS))
                self._give(errand)

    def _went(self, ended):
        if ended and self._writer is not None and self._bridge.session is None:
            self._writer.close()

    async def _clock(self):
        while True:
            await asyncio.sleep(self._tick)
            self._go_on()
            if self._process is not None and not self._idle and time.monotonic() >= self._deadline:
                self._killed, self._deadline = True, time.monotonic() + BEGIN_SECONDS
                log.error("the worker has been busy for too long; it is killed")
                with contextlib.suppress(ProcessLookupError, OSError):
                    self._process.kill()


def _now():
    return time.monotonic_ns() // 1_000_000, time.time_ns() // 1_000_000
