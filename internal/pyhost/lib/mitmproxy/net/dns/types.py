"""Types of records."""
A, NS, MD, MF, CNAME, SOA, MB, MG, MR, NULL, WKS, PTR, HINFO, MINFO, MX, TXT = range(1, 17)
AAAA, LOC, SRV, NAPTR, DNAME, OPT, DS, SSHFP, RRSIG, NSEC, DNSKEY = 28, 29, 33, 35, 39, 41, 43, 44, 46, 47, 48
TLSA, SVCB, HTTPS, ANY, CAA = 52, 64, 65, 255, 257


def to_str(type_: int) -> str:
    for name, number in globals().items():
        if name.isupper() and number == type_:
            return name
    return "TYPE({})".format(type_)
