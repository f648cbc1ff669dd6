"""Brokers that can be taken away for a moment, and workers that can be killed."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

REDIS = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
RABBITMQ = os.environ.get("RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//")

ROOT = Path(__file__).resolve().parents[1]
AWAY_SECONDS = 0.5
READY_SECONDS = 20


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class OwnRedis:
    """A Redis server of the test's own; a restart loses all that it held."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._directory = TemporaryDirectory()
        self._start()

    def _start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self._server = subprocess.Popen(
            ["redis-server", *options, "--dir", self._directory.name],
            stdout=subprocess.DEVNULL,
        )
        wait_for(self.port)

    def restart(self) -> None:
        self._server.kill()
        self._server.wait()
        time.sleep(AWAY_SECONDS)
        self._start()

    def close(self) -> None:
        self._server.kill()
        self._server.wait()
        self._directory.cleanup()


class CutLine:
    """A line to a broker that others use too; a restart cuts it for a moment."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        usual = {"redis": 6379, "amqp": 5672}
        self._goal = (parts.hostname or "127.0.0.1", parts.port or usual[parts.scheme])
        self.port = free_port()
        account, at, _place = parts.netloc.rpartition("@")
        self.url = parts._replace(netloc=f"{account}{at}127.0.0.1:{self.port}").geturl()
        self._lines: set[socket.socket] = set()
        self._start()

    def _start(self) -> None:
        self._server = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=[self._server], daemon=True).start()

    def _accept(self, server: socket.socket) -> None:
        with suppress(OSError):
            while True:
                line, _address = server.accept()
                onward = socket.create_connection(self._goal)
                self._lines |= {line, onward}
                for ends in ((line, onward), (onward, line)):
                    threading.Thread(target=_pass_on, args=ends, daemon=True).start()

    def _cut(self) -> None:
        for end in (self._server, *self._lines):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._lines = set()

    def restart(self) -> None:
        self._cut()
        time.sleep(AWAY_SECONDS)
        self._start()

    def close(self) -> None:
        self._cut()


def _pass_on(source: socket.socket, goal: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            goal.sendall(data)
    with suppress(OSError):
        goal.shutdown(socket.SHUT_RDWR)


def wait_for(port: int) -> None:
    """Wait until something listens on the port."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def own_redis() -> OwnRedis | CutLine:
    """A Redis to be restarted; where no server program is installed, a line to be cut."""
    return OwnRedis() if shutil.which("redis-server") else CutLine(REDIS)


def line_to_rabbitmq() -> CutLine:
    return CutLine(RABBITMQ)


class Workers:
    """Celery workers on the database of the test, each a process of its own."""

    def __init__(self, count: int, *, broker: str, queue: str, database: str) -> None:
        self._environment = {
            **os.environ,
            "BROKER_URL": broker,
            "BROKER_QUEUE": queue,
            "POSTGRES_DB": database,
            "DJANGO_SETTINGS_MODULE": "tests.settings.postgres",
            "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), *sys.path])),
        }
        self.killed: list[int] = []
        self._workers = [self._start() for _ in range(count)]

    def _start(self) -> "subprocess.Popen[bytes]":
        options = ["--pool=solo", "--without-gossip", "--without-mingle", "--loglevel=CRITICAL"]
        return subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "tests.celery_worker", "worker", *options],
            cwd=ROOT,
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill(self, number: int) -> None:
        """Kill a worker without warning, and start another one in its place."""
        worker = self._workers[number]
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        self.killed.append(worker.pid)
        self._workers[number] = self._start()

    def close(self) -> None:
        for worker in self._workers:
            worker.kill()
        for worker in self._workers:
            worker.wait()
