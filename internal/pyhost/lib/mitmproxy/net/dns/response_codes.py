"""Response codes (RFC 1035 section 4.1.1, RFC 2136)."""
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)
YXDOMAIN, YXRRSET, NXRRSET, NOTAUTH, NOTZONE, DSOTYPENI = range(6, 12)


def to_str(response_code: int) -> str:
    for name, code in globals().items():
        if name.isupper() and code == response_code:
            return name
    return "RCODE({})".format(response_code)
