"""Sending a POST to an address that an admin has written, and to no other.

Names are resolved once, the address is judged, and the connection goes to that very address, so
that a name cannot lead elsewhere in between. Redirects are answers like any other.
"""

import ipaddress
import socket
import ssl
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse
from urllib.parse import SplitResult, urlsplit

from django.utils.translation import gettext as _

from django_workflow_engine.conf import settings
from django_workflow_engine.exceptions import ActionFailed, ActionNotAllowed

PORTS = {"http": 80, "https": 443}
# How much of an answer is kept for the error.
ANSWER_BYTES = 200
SUCCESS = range(200, 300)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def url_error(url: str) -> str | None:
    """Return what is wrong with the shape of a URL, or None."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return _("This is not a URL.")
    if parts.scheme not in PORTS:
        return _("Expected a URL that begins with https:// or http://.")
    if not host or not url.isascii() or not url.isprintable() or " " in url:
        return _("This is not a URL.")
    if parts.username is not None or parts.password is not None:
        return _("A URL with a user or a password is not taken; use headers.")
    return None


def post(url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> int:
    """Send the body; return the status of the answer, which is one of success.

    `timeout`: seconds for connecting and for each wait for the other side. Raises `ActionFailed`
    for any other status and where nothing answers, `ActionNotAllowed` for an address that is not
    public unless `WEBHOOK_ALLOW_PRIVATE` is set.
    """
    parts = urlsplit(url)
    place = f"{parts.scheme}://{parts.netloc}{parts.path}"
    try:
        connection = _connect(parts, timeout)
        try:
            target = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
            connection.request("POST", target, body, {**headers, "Host": parts.netloc})
            answer = connection.getresponse()
            return _status(answer, place)
        finally:
            connection.close()
    except (OSError, HTTPException) as error:
        raise ActionFailed(f"{place}: {type(error).__name__}: {error}") from error


def _connect(parts: SplitResult, timeout: float) -> HTTPConnection:
    host = str(parts.hostname)
    port = parts.port or PORTS[parts.scheme]
    stream: socket.socket = socket.create_connection((_address(host, port), port), timeout)
    if parts.scheme == "https":
        try:
            stream = ssl.create_default_context().wrap_socket(stream, server_hostname=host)
        except BaseException:
            stream.close()
            raise
    connection = HTTPConnection(host, port, timeout=timeout)
    connection.sock = stream
    return connection


def _address(host: str, port: int) -> str:
    """The first address of the host; all of them must be allowed."""
    found = [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    for address in found:
        if not (settings.webhook_allow_private or is_public(address)):
            raise ActionNotAllowed(
                _("%(host)s is at %(address)s, which is not a public address.")
                % {"host": host, "address": address}
            )
    return found[0]


def is_public(text: str) -> bool:
    """Return whether the address is one of the public Internet."""
    # Without the scope that link-local addresses may have.
    address: Address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        # What is wrapped in an address of the newer kind counts.
        address = address.ipv4_mapped or address.sixtofour or address
    return address.is_global and not address.is_multicast


def _status(answer: HTTPResponse, place: str) -> int:
    if answer.status in SUCCESS:
        return answer.status
    text = answer.read(ANSWER_BYTES).decode("utf-8", "replace")
    raise ActionFailed(f"{place} answered {answer.status}: {text}")
