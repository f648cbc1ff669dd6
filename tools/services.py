"""Say which of the servers that `make test-services` needs answer; fail when one does not.

Where they are is read from the same environment variables as tests/settings/ reads.
"""

import os
import socket
import sys
from dataclasses import dataclass
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 5


@dataclass(frozen=True)
class Service:
    """A server, with the bytes that make it speak and the beginnings of its answer."""

    name: str
    host: str
    port: int
    question: bytes
    answers: tuple[bytes, ...]
    variables: str


def services() -> list[Service]:
    redis = urlsplit(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"))
    rabbitmq = urlsplit(os.environ.get("RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//"))
    return [
        Service(
            name="PostgreSQL",
            host=os.environ.get("POSTGRES_HOST", "127.0.0.1"),
            port=int(os.environ.get("POSTGRES_PORT", "5432")),
            question=bytes.fromhex("0000000804d2162f"),  # SSLRequest: yes or no to TLS
            answers=(b"S", b"N"),
            variables="POSTGRES_HOST, POSTGRES_PORT",
        ),
        Service(
            name="MariaDB",
            host=os.environ.get("MARIADB_HOST", "127.0.0.1"),
            port=int(os.environ.get("MARIADB_PORT", "3306")),
            question=b"",  # the server speaks first
            answers=(b"",),
            variables="MARIADB_HOST, MARIADB_PORT",
        ),
        Service(
            name="Redis",
            host=redis.hostname or "127.0.0.1",
            port=redis.port or 6379,
            question=b"PING\r\n",
            answers=(b"+PONG", b"-NOAUTH"),
            variables="REDIS_URL",
        ),
        Service(
            name="RabbitMQ",
            host=rabbitmq.hostname or "127.0.0.1",
            port=rabbitmq.port or 5672,
            question=b"AMQP\x00\x00\x09\x01",
            answers=(b"\x01",),  # a method frame: connection.start
            variables="RABBITMQ_URL",
        ),
    ]


def complaint(service: Service) -> str | None:
    """Connect, speak, and return what is wrong, or None when the server answers."""
    try:
        with socket.create_connection((service.host, service.port), TIMEOUT_SECONDS) as connection:
            connection.settimeout(TIMEOUT_SECONDS)
            connection.sendall(service.question)
            said = connection.recv(64)
    except OSError as error:
        return str(error)
    if not said:
        return "the connection was closed at once"
    if not said.startswith(service.answers):
        return f"another server answered: {said!r}"
    return None


def main() -> int:
    missing = 0
    for service in services():
        problem = complaint(service)
        where = f"{service.name} on {service.host}:{service.port}"
        if problem is None:
            print(f"{where} answers")
        else:
            missing += 1
            print(f"{where} is missing: {problem} (place: {service.variables})", file=sys.stderr)
    if missing:
        print(f"{missing} of the services are missing; compose.yaml starts them", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
