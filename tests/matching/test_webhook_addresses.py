"""Where webhooks may go: the list of addresses that are refused, as URLs, as what names resolve to, and rebound."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import httpcore
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from services.matching.endpoints.addresses import Fault, Target, is_public, read_target
from services.matching.outgoing.transport import (
    AddressRefused,
    GuardedTransport,
    NameUnknown,
    Resolve,
    system_resolver,
)

# What a name may resolve to, and must not be connected to.
FORBIDDEN = (
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255",  # noqa: S104 - refused
    "127.0.0.1", "127.0.0.53", "127.255.255.254", "168.63.129.16", "169.254.0.1", "169.254.169.254",
    "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.31.196.1",
    "192.52.193.1", "192.88.99.1", "192.168.0.1", "192.168.255.255", "192.175.48.1", "198.18.0.1",
    "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1",
    "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:10.0.0.1",
    "::ffff:169.254.169.254", "::ffff:93.184.216.34", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a00:1", "100::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:2::1", "2001:10::1",
    "2001:20::1", "2001:db8::1", "2002:7f00:1::1", "2002:a9fe:a9fe::1", "2620:4f:8000::1", "3fff::1", "5f00::1",
    "2606:4700::5efe:127.0.0.1", "2606:4700::200:5efe:10.0.0.1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0",
    "fec0::1", "ff02::1", "ff0e::1", "not-an-address", "", "0177.0.0.1", "2130706433", "127.1",
)  # fmt: skip

# What somebody may register, and what is wrong with it.
REFUSED_URLS = {
    "http://example.org/hook": Fault.NOT_HTTPS,
    "ftp://example.org/hook": Fault.MALFORMED,
    "file:///etc/passwd": Fault.MALFORMED,
    "gopher://example.org/": Fault.MALFORMED,
    "//example.org/": Fault.MALFORMED,
    "https:example.org": Fault.MALFORMED,
    "https:///example.org": Fault.MALFORMED,
    "HTTPS://example.org/": Fault.MALFORMED,
    "https://127.0.0.1/": Fault.NUMERIC_HOST,
    "https://93.184.216.34/": Fault.NUMERIC_HOST,
    "https://2130706433/": Fault.NUMERIC_HOST,
    "https://017700000001/": Fault.NUMERIC_HOST,
    "https://0177.0.0.1/": Fault.NUMERIC_HOST,
    "https://0x7f000001/": Fault.NUMERIC_HOST,
    "https://0x7f.0.0.0x1/": Fault.NUMERIC_HOST,
    "https://0x/": Fault.NUMERIC_HOST,
    "https://127.1/": Fault.NUMERIC_HOST,
    "https://partner.example.0/": Fault.NUMERIC_HOST,
    "https://[::1]/": Fault.NUMERIC_HOST,
    "https://[::ffff:127.0.0.1]/": Fault.NUMERIC_HOST,
    "https://[fe80::1%25eth0]/": Fault.MALFORMED,
    "https://localhost/": Fault.LOCAL_NAME,
    "https://api.localhost/": Fault.LOCAL_NAME,
    "https://postgres/": Fault.LOCAL_NAME,
    "https://metadata.google.internal/": Fault.LOCAL_NAME,
    "https://printer.local/": Fault.LOCAL_NAME,
    "https://router.home.arpa/": Fault.LOCAL_NAME,
    "https://example.org./": Fault.BAD_NAME,
    "https://localhost./": Fault.BAD_NAME,
    "https://.example.org/": Fault.BAD_NAME,
    "https://exa..mple.org/": Fault.BAD_NAME,
    "https://-example.org/": Fault.BAD_NAME,
    "https://exam_ple.org/": Fault.MALFORMED,
    "https://user@example.org/": Fault.MALFORMED,
    "https://user:secret@example.org/": Fault.MALFORMED,
    "https://example.org@127.0.0.1/": Fault.MALFORMED,
    "https://example.org\\@127.0.0.1/": Fault.MALFORMED,
    "https://example.org#@127.0.0.1/": Fault.MALFORMED,
    "https://example.org/#fragment": Fault.MALFORMED,
    "https://example.org:80/": Fault.PORT,
    "https://example.org:22/": Fault.PORT,
    "https://example.org:6379/": Fault.PORT,
    "https://example.org:99999/": Fault.PORT,
    "https://example.org:0/": Fault.MALFORMED,
    "https://example.org:0443/": Fault.MALFORMED,
    "https://example.org:/": Fault.MALFORMED,
    "https://１２７.０.０.１/": Fault.MALFORMED,
    "https://①②⑦.⓪.⓪.①/": Fault.MALFORMED,
    "https://例子.中国/": Fault.MALFORMED,
    "https://xn--/": Fault.BAD_NAME,
    "https://xn--a.example.org/": Fault.BAD_NAME,
    "https://xn--8g7ccp.org/": Fault.BAD_NAME,
    "https://xn--fa-hia.xn--/": Fault.BAD_NAME,
    "https://ab--cd.example.org/": Fault.BAD_NAME,
    "https://example.org/a b": Fault.MALFORMED,
    "https://example.org/\r\nHost: other": Fault.MALFORMED,
    "https://example.org/\t": Fault.MALFORMED,
    " https://example.org/": Fault.MALFORMED,
    "": Fault.MALFORMED,
    "https://example.org/" + "a" * 2000: Fault.TOO_LONG,
    "https://" + "a" * 64 + ".org/": Fault.BAD_NAME,
    "https://" + "abcdefgh." * 30 + "org/": Fault.BAD_NAME,
}


@pytest.mark.parametrize("url", sorted(REFUSED_URLS))
def test_a_url_that_could_mislead_is_refused(url: str) -> None:
    assert read_target(url) == REFUSED_URLS[url]


@pytest.mark.parametrize(
    "url",
    [
        "https://partner.org",
        "https://partner.org/",
        "https://hooks.partner.com.cn:8443/linli?tenant=a&key=%E4%BD%A0",
        "https://xn--fsqu00a.xn--fiqs8s/hook",
    ],
)
def test_an_ordinary_url_is_taken_as_it_is(url: str) -> None:
    target = read_target(url)
    assert isinstance(target, Target)
    assert target.url == url
    assert httpx.URL(url).raw_host.decode() == target.host
    assert (httpx.URL(url).port or 443) == target.port


def test_loopback_takes_the_development_setting_and_nothing_else_opens_with_it() -> None:
    for url in ("http://127.0.0.1:4711/hook", "http://localhost:80/", "http://[::1]:9999/x", "https://127.0.0.1/"):
        assert isinstance(read_target(url), Fault)
        assert isinstance(read_target(url, allows_loopback=True), Target)
    for url in (
        "http://10.0.0.1/",
        "http://127.0.0.2/",
        "http://example.org/",
        "https://0x7f000001/",
        "http://2130706433/",
    ):
        assert isinstance(read_target(url, allows_loopback=True), Fault)
    for address in FORBIDDEN:
        assert is_public(address, allows_loopback=True) == (address in {"127.0.0.1", "::1"}), address


@given(st.ip_addresses())
def test_nothing_that_python_calls_special_is_public(address: IPv4Address | IPv6Address) -> None:
    if is_public(str(address)):
        assert address.is_global
        assert not address.is_multicast
        assert isinstance(address, IPv4Address) or not (address.ipv4_mapped or address.sixtofour or address.teredo)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_inside_of_an_ipv6_one_is_not_public(address: IPv4Address) -> None:
    number = int(address)
    for form in (number, 0xFFFF << 32 | number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80 | 1):
        assert not is_public(str(ip_address(form) if form > 2**32 else IPv6Address(form)))


def says(*answers: Sequence[str]) -> tuple[Resolve, list[str]]:
    """Resolve to one answer after the other, the last for ever: how a name is rebound."""
    asked: list[str] = []

    async def resolve(host: str, _: int) -> Sequence[str]:
        asked.append(host)
        return answers[min(len(asked), len(answers)) - 1]

    return resolve, asked


async def get(resolve: Resolve, url: str = "https://partner.org/") -> int:
    transport = GuardedTransport(resolve)
    async with httpx.AsyncClient(transport=transport, timeout=2) as http:
        return (await http.get(url)).status_code


async def test_every_address_of_the_list_is_refused_however_it_comes() -> None:
    refused = 0
    for address in FORBIDDEN:
        for answer in ([address], ["93.184.216.34", address], [address, "2606:4700::1111"]):
            resolve, _ = says(answer)
            with pytest.raises(AddressRefused):
                await get(resolve)
            refused += 1
    for url in REFUSED_URLS:
        assert isinstance(read_target(url), Fault)
    total = len(FORBIDDEN) + len(REFUSED_URLS)
    print(f"\n{len(FORBIDDEN)} addresses in {refused} answers of a resolver and {len(REFUSED_URLS)} URLs: all refused")
    assert total >= 60
    assert len(set(FORBIDDEN)) == len(FORBIDDEN) >= 60


async def test_a_name_that_resolves_to_nothing_is_told_from_one_that_is_refused() -> None:
    async def fails(_host: str, _port: int) -> Sequence[str]:
        raise OSError

    async def hangs(_host: str, _port: int) -> Sequence[str]:
        await asyncio.get_running_loop().create_future()
        return []

    with pytest.raises(NameUnknown):
        await get(says([])[0])
    with pytest.raises(NameUnknown):
        await get(fails)
    with pytest.raises(httpcore.ConnectTimeout):
        async with httpx.AsyncClient(transport=GuardedTransport(hangs)) as http:
            await http.get("https://partner.org/", timeout=httpx.Timeout(0.05))
    assert "127.0.0.1" in await system_resolver(1)("localhost", 80)


@dataclass
class Receiver:
    """A TLS server on loopback: which names it was greeted with, and what it was asked."""

    port: int = 0
    names: list[str | None] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    answer: bytes = b"HTTP/1.1 204 X\r\n\r\n"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().lower().split("\r\n")
                self.hosts += [line.partition(": ")[2] for line in lines if line.startswith("host:")]
                writer.write(self.answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def _certificate(folder: Path, name: str) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, private


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return _certificate(tmp_path_factory.mktemp("tls"), "partner.org")


@asynccontextmanager
async def tls_receiver(certificate: tuple[Path, Path]) -> AsyncIterator[Receiver]:
    built = Receiver()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)

    def greeted(_: ssl.SSLObject | ssl.SSLSocket, name: str | None, __: ssl.SSLContext) -> None:
        built.names.append(name)

    context.sni_callback = greeted
    server = await asyncio.start_server(built.serve, "127.0.0.1", 0, ssl=context)
    built.port = server.sockets[0].getsockname()[1]
    try:
        yield built
    finally:
        server.close()


@pytest.fixture
def trusting(certificate: tuple[Path, Path]) -> Callable[[Resolve], httpx.AsyncClient]:
    """A client that trusts the receiver's certificate and may reach loopback."""

    def client(resolve: Resolve) -> httpx.AsyncClient:
        tls = ssl.create_default_context(cafile=str(certificate[0]))
        return httpx.AsyncClient(transport=GuardedTransport(resolve, allows_loopback=True, tls=tls), timeout=5)

    return client


async def test_the_connection_goes_to_the_address_that_was_judged_with_the_name_kept(
    certificate: tuple[Path, Path], trusting: Callable[[Resolve], httpx.AsyncClient]
) -> None:
    # Whoever resolves a second time would connect to the second answer.
    resolve, asked = says(["127.0.0.1"], ["10.0.0.1"])
    async with tls_receiver(certificate) as receiver, trusting(resolve) as http:
        answer = await http.post(f"https://partner.org:{receiver.port}/hook", content=b"{}")
        assert answer.status_code == 204
        # The open connection is still the judged one.
        assert (await http.post(f"https://partner.org:{receiver.port}/hook", content=b"{}")).status_code == 204
        assert asked == ["partner.org"]
        assert receiver.names == ["partner.org"]
        assert receiver.hosts == [f"partner.org:{receiver.port}"] * 2
    # A new connection asks anew, and is judged anew.
    async with trusting(resolve) as http:
        with pytest.raises(AddressRefused):
            await http.post("https://partner.org/hook", content=b"{}")


async def test_a_certificate_for_another_name_is_not_taken(
    certificate: tuple[Path, Path], trusting: Callable[[Resolve], httpx.AsyncClient]
) -> None:
    resolve, _ = says(["127.0.0.1"])
    async with tls_receiver(certificate) as receiver, trusting(resolve) as http:
        with pytest.raises(httpcore.ConnectError) as caught:
            await http.get(f"https://other.org:{receiver.port}/")
    assert isinstance(caught.value.__context__, ssl.SSLCertVerificationError)


async def test_a_redirect_leads_nowhere(
    certificate: tuple[Path, Path], trusting: Callable[[Resolve], httpx.AsyncClient]
) -> None:
    resolve, asked = says(["127.0.0.1"])
    async with tls_receiver(certificate) as receiver, trusting(resolve) as http:
        receiver.answer = b"HTTP/1.1 302 X\r\nLocation: http://169.254.169.254/latest\r\nContent-Length: 0\r\n\r\n"
        assert (await http.get(f"https://partner.org:{receiver.port}/")).status_code == 302
    assert asked == ["partner.org"]
