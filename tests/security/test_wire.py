"""What only the wire shows: the server's name, methods and bodies that two readers would read differently."""

import socket
from collections.abc import Iterator

import pytest

from aurapark.devstack.servers import EmbeddedServers
from tests.conftest import admin_connection, url_of
from tests.running import Site, running_site

NAME = "aurapark_wire"


@pytest.fixture(scope="module")
def site(servers: EmbeddedServers, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The web server alone, on an empty database."""
    with admin_connection(servers) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {NAME} TEMPLATE {template_database} STRATEGY FILE_COPY")
    folder = tmp_path_factory.mktemp("wire")
    with running_site(url_of(servers, NAME), servers.redis_url, folder, processes=()) as running:
        yield running


def say(site: Site, request: str) -> str:
    """Send bytes, read what comes until the server closes."""
    port = int(site.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), 10) as wire:
        wire.sendall(request.replace("\n", "\r\n").encode("latin-1"))
        wire.settimeout(5)
        parts = []
        try:
            while part := wire.recv(65536):
                parts.append(part)
        except TimeoutError:
            pass
    return b"".join(parts).decode("latin-1")


def test_the_server_tells_no_version(site: Site) -> None:
    head = say(site, "GET /healthz HTTP/1.1\nHost: localhost\nConnection: close\n\n").partition("\r\n\r\n")[0]
    server = next((line for line in head.split("\r\n") if line.lower().startswith("server:")), "Server: ")
    assert not any(letter.isdigit() for letter in server)


@pytest.mark.parametrize(
    "line", ["TRACE / HTTP/1.1", "CONNECT / HTTP/1.1", "GET /.git/config HTTP/1.1", "GET /console HTTP/1.1"]
)
def test_what_nobody_needs_is_refused(site: Site, line: str) -> None:
    answer = say(site, f"{line}\nHost: localhost\nX-Secret: mirrored\nConnection: close\n\n")
    assert answer.split(" ")[1] in ("400", "404", "405"), answer[:200]
    assert "mirrored" not in answer


AMBIGUOUS = {
    "length and chunks": "Content-Length: 4\nTransfer-Encoding: chunked",
    "two lengths": "Content-Length: 4\nContent-Length: 40",
    "two equal lengths": "Content-Length: 4\nContent-Length: 4",
    "length with a sign": "Content-Length: +4",
    "length in a list": "Content-Length: 4, 40",
    "unknown coding": "Transfer-Encoding: xchunked",
    "chunks twice": "Transfer-Encoding: chunked, chunked",
    "name with a space": "Content-Length : 4",
}


@pytest.mark.parametrize("how", AMBIGUOUS)
def test_a_body_that_two_readers_would_cut_differently_is_refused(site: Site, how: str) -> None:
    """The smuggled second request is never answered."""
    smuggled = "GET /smuggled HTTP/1.1\nHost: localhost\n\n"
    head = f"POST /find HTTP/1.1\nHost: localhost\n{AMBIGUOUS[how]}\n\n"
    answer = say(site, f"{head}0\n\n{smuggled}")
    assert answer.split(" ")[1] in ("400", "501"), answer[:300]
    assert answer.count("HTTP/1.1 ") == 1
    assert "smuggled" not in answer
