"""Which addresses the house may send to. Pure.

Whoever registers a URL chooses where the house connects to, from inside the network that it stands in. So a URL must
be written in the one plain way that every parser reads alike, and what its name resolves to must be an address of the
public internet: everything that IANA's special-purpose registries list, and every IPv6 form that carries an IPv4
address inside, is refused (RFC 6890, RFC 4291, RFC 6052, RFC 3056, RFC 4380). Registries grow, so IPv6 is allowed by
what it may be (2000::/3) and not by what it may not.
"""

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import idna

__all__ = ["URL_LENGTH_MAX", "Fault", "Target", "is_public", "read_target"]

URL_LENGTH_MAX: Final = 2000

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NOT_PUBLIC_V4: Final = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT, and a cloud's metadata at 100.100.100.200
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a cloud's host, reachable from each of its machines
        "169.254.0.0/16",  # link-local, and most clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments, and a cloud's metadata at 192.0.0.192
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # multicast tunnels
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_UNICAST_V6: Final = ipaddress.IPv6Network("2000::/3")
_NOT_PUBLIC_V6: Final = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address inside
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
# ISATAP (RFC 5214): an IPv4 address behind any prefix.
_ISATAP: Final = frozenset({0x00005EFE, 0x02005EFE})
_ISATAP_SHIFT: Final = 32
_ISATAP_MASK: Final = 0xFFFFFFFF

_HTTPS_PORTS: Final = frozenset({443, 8443})
_HOST_LENGTH_MAX: Final = 253
_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<rest>/[!$%&'()*+,\-./0-9:;=@A-Z_a-z~]*)?(?P<query>\?[!$%&'()*+,\-./0-9:;=?@A-Z_a-z~]*)?"
)
_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
# The WHATWG URL standard reads a host whose last label looks like this as an IPv4 address, in whatever base.
_NUMERIC_END: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
# Names that mean something else in every network (RFC 6761, RFC 8375 and what is used without asking anybody).
_LOCAL_NAMES: Final = frozenset(
    [
        "alt",
        "arpa",
        "corp",
        "example",
        "home",
        "internal",
        "intranet",
        "invalid",
        "lan",
        "local",
        "localdomain",
        "localhost",
        "mail",
        "onion",
        "private",
        "test",
        "workgroup",
    ]
)
_LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
_MAX_PORT: Final = 65535


class Fault(StrEnum):
    """What is wrong with a URL."""

    TOO_LONG = "too_long"
    MALFORMED = "malformed"
    NOT_HTTPS = "not_https"
    PORT = "port_not_allowed"
    NUMERIC_HOST = "numeric_host"
    LOCAL_NAME = "local_name"
    BAD_NAME = "bad_name"


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that may be connected to, if what its name resolves to is public."""

    url: str
    host: str
    port: int


def is_public(text: str, *, allows_loopback: bool = False) -> bool:
    """Tell whether an address may be connected to.

    Args:
        text: as the resolver gives it; what is no address at all is not public.
        allows_loopback: for one's own machine, where the receivers of tests and stories listen.
    """
    if "%" in text:
        return False
    try:
        address: _Address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if allows_loopback and address in {ipaddress.IPv4Address("127.0.0.1"), ipaddress.IPv6Address("::1")}:
        return True
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_V4)
    return (
        address in _UNICAST_V6
        and not any(address in network for network in _NOT_PUBLIC_V6)
        and int(address) >> _ISATAP_SHIFT & _ISATAP_MASK not in _ISATAP
    )


def read_target(url: str, *, allows_loopback: bool = False) -> Target | Fault:
    """Read a URL, or tell what is wrong with it.

    It has to be `https://name[:443 or :8443][/path][?query]` in lower-case ASCII: no user, no fragment, no address
    instead of a name, no trailing full stop. Names beyond ASCII come as `xn--…`.

    Args:
        url: as somebody has sent it.
        allows_loopback: lets `http://127.0.0.1:port`, `http://localhost:port` and `http://[::1]:port` through as well.
    """
    if len(url) > URL_LENGTH_MAX:
        return Fault.TOO_LONG
    found = _URL.fullmatch(url)
    if found is None:
        return Fault.MALFORMED
    host, written = found["host"], found["port"]
    port = int(written) if written else 443 if found["scheme"] == "https" else 80
    if allows_loopback and host in _LOOPBACK_NAMES and port <= _MAX_PORT:
        return Target(url, host.strip("[]"), port)
    if found["scheme"] != "https":
        return Fault.NOT_HTTPS
    if port not in _HTTPS_PORTS:
        return Fault.PORT
    return _fault_of_name(host) or Target(url, host, port)


def _fault_of_name(host: str) -> Fault | None:
    labels = host.split(".")
    if host.startswith("[") or _NUMERIC_END.fullmatch(labels[-1]):
        return Fault.NUMERIC_HOST
    if len(host) > _HOST_LENGTH_MAX or not all(_LABEL.fullmatch(label) for label in labels):
        return Fault.BAD_NAME
    if len(labels) == 1 or labels[-1] in _LOCAL_NAMES:
        return Fault.LOCAL_NAME
    return None if all(_is_plain(label) for label in labels) else Fault.BAD_NAME


def _is_plain(label: str) -> bool:
    """Tell whether a label is read alike by everybody: punycode must be what IDNA 2008 writes for what it means."""
    if label[2:4] != "--":
        return True
    try:
        return label.startswith("xn--") and idna.alabel(idna.ulabel(label)).decode("ascii") == label
    except idna.IDNAError:
        return False
