"""Answers questions for addresses: of DNS there are no events, the messages can be made and read."""
import ipaddress

from mitmproxy import dns
from mitmproxy.net.dns import response_codes


def dns_request(flow: dns.DNSFlow) -> None:
    q = flow.request.question
    if q and q.name == "bad.example":
        flow.response = flow.request.fail(response_codes.NXDOMAIN)
    else:
        flow.response = flow.request.succeed([dns.ResourceRecord.A(q.name, ipaddress.ip_address("192.0.2.7"))])


def running():
    for name in ("bad.example", "good.example"):
        f = dns.DNSFlow(None, None)
        f.request = dns.DNSMessage(id=7, questions=[dns.Question(name, 1, 1)])
        dns_request(f)
        print("dns", f.response.id, f.response.response_code, [str(a.ipv4_address) for a in f.response.answers], flush=True)
