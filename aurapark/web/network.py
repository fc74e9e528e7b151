"""Where a request comes from: the network of its address, as far as PROXY_COUNT lets us know it."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from flask import request

PREFIXES = {4: 24, 6: 64}
NOWHERE = "unknown"  # a socket without an address: everybody there counts as one


def client_network() -> str:
    """Return the network this request came from. Headers count only where a trusted proxy set them (ProxyFix)."""
    return network_of(request.remote_addr or "")


def network_of(address: str) -> str:
    """Return the /24 of an IPv4 address, the /64 of an IPv6 address."""
    try:
        found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return NOWHERE
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    found = mapped or found
    return str(ip_network(f"{found}/{PREFIXES[found.version]}", strict=False))
