"""Brokers of a test's own that can be killed, and workers that can be killed."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

# The servers that are shared: a test may use them, and must leave them alone.
REDIS = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
RABBITMQ = os.environ.get("RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//")

ROOT = Path(__file__).resolve().parents[1]
READY_SECONDS = 90
# Debian's `rabbitmq-server` on the path changes to a user of its own, who cannot write to a
# directory of the test; the server's own script is here.
RABBITMQ_SCRIPTS = "/usr/lib/rabbitmq/bin"


class Server:
    """A program that listens on a port; a `with` block starts it, and kills it at the end."""

    def __init__(
        self,
        command: Sequence[str | Path],
        port: int,
        *,
        url: str = "",
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.url = url
        self.port = port
        self._command = command
        self._log = log
        self._environment = {**os.environ, **(environment or {})}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start the program, and wait until it listens."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A group of its own: what the program starts is killed with it.
                start_new_session=True,
            )
        self._wait(listening=True)

    def kill(self) -> None:
        """Kill the program without warning, and wait until nothing listens any more."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._wait(listening=False)

    def _wait(self, *, listening: bool) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while is_listening(self.port) is not listening:
            ended = listening and self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                state = "is not there" if listening else "is still there"
                raise RuntimeError(f"{self._command[0]} {state}:\n{self._log.read_text()}")
            time.sleep(0.02)


def is_listening(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def program(name: str, package: str, *, before: str = "") -> str:
    """Return where a program is: in the directory `before`, else on the path."""
    places = os.pathsep.join(filter(None, [before, os.environ.get("PATH", "")]))
    found = shutil.which(name, path=places)
    if found is None:
        raise RuntimeError(
            f"{name} is not installed: --services needs brokers that it can kill."
            f" On Debian: apt-get install {package}"
        )
    return found


@contextmanager
def own_redis(directory: Path) -> Iterator[Server]:
    """A Redis that keeps nothing: when it is killed, its messages are lost."""
    command = program("redis-server", "redis-server")
    port = free_port()
    options = ["--port", f"{port}", "--bind", "127.0.0.1", "--save", "", "--dir", f"{directory}"]
    url = f"redis://127.0.0.1:{port}/0"
    with Server([command, *options], port, url=url, log=directory / "redis.log") as broker:
        yield broker


@contextmanager
def own_rabbitmq(directory: Path) -> Iterator[Server]:
    """A RabbitMQ node that finds its queues again when it is started again.

    Nothing of it is shared with another node: neither files nor the list of nodes (epmd).
    """
    command = program("rabbitmq-server", "rabbitmq-server", before=RABBITMQ_SCRIPTS)
    epmd = program("epmd", "erlang-base")
    port, names = free_port(), free_port()
    environment = {
        # Where Erlang keeps the cookie by which nodes know each other.
        "HOME": str(directory),
        "ERL_EPMD_PORT": str(names),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_FLAGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        "RABBITMQ_NODENAME": f"tests-{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": str(directory / "mnesia"),
        "RABBITMQ_LOG_BASE": str(directory / "log"),
        "RABBITMQ_PID_FILE": str(directory / "pid"),
        # None of these is there: what the machine says is not for this node.
        "RABBITMQ_CONF_ENV_FILE": str(directory / "rabbitmq-env.conf"),
        "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(directory / "advanced.config"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "enabled_plugins"),
    }
    list_of_nodes = Server(
        [epmd, "-port", str(names), "-address", "127.0.0.1"], names, log=directory / "epmd.log"
    )
    node = Server(
        [command],
        port,
        url=f"amqp://guest:guest@127.0.0.1:{port}//",
        log=directory / "rabbitmq.log",
        environment=environment,
    )
    with list_of_nodes, node as broker:
        yield broker


class Workers:
    """Celery workers on the database of the test, each a process of its own."""

    def __init__(self, count: int, *, broker: str, queue: str, database: str, log: Path) -> None:
        self._environment = {
            **os.environ,
            "BROKER_URL": broker,
            "BROKER_QUEUE": queue,
            "POSTGRES_DB": database,
            "DJANGO_SETTINGS_MODULE": "tests.settings.postgres",
            "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), *sys.path])),
        }
        self._log = log
        self.killed: set[int] = set()
        self._workers = [self._start() for _ in range(count)]

    def _start(self) -> "subprocess.Popen[bytes]":
        options = ["--pool=solo", "--without-gossip", "--without-mingle", "--loglevel=CRITICAL"]
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "tests.celery_worker", "worker", *options],
                cwd=ROOT,
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def processes(self) -> list[int]:
        return [worker.pid for worker in self._workers]

    def kill(self, process: int) -> None:
        """Kill a worker without warning, and start another one in its place."""
        place = self.processes.index(process)
        worker = self._workers[place]
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        self.killed.add(process)
        self._workers[place] = self._start()

    def close(self) -> None:
        for worker in self._workers:
            worker.kill()
        for worker in self._workers:
            worker.wait()
