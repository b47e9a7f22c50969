package ca

import (
	"crypto/x509"
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// The names of a leaf, in this order and each once:
//
//   - what the client asked for in SNI, byte for byte (RFC 6066 section 3 wants
//     an A-label; raw UTF-8 becomes one);
//   - the host or address it connected to;
//   - the names of the server's own certificate, so that a client that checks
//     another of them, or joins connections by them, is content.
//
// A name is never judged more strictly than its encoding demands: an underscore,
// a label of 63 bytes or a host of 253 is somebody's host. What an IA5String
// cannot carry, or what is only dots and stars, is left out.
const (
	// maxNames and maxNameBytes keep a leaf below the first flight of a TCP
	// connection, whatever the server's certificate lists.
	maxNames     = 100
	maxNameBytes = 4 << 10
	// maxName bounds one name: DNS ends at 253, and longer ones are a mistake
	// that still deserves its handshake.
	maxName = 1 << 10
	// maxScan bounds how many names of a server's certificate are looked at.
	maxScan = 1000
	// noName is the name of a leaf for which nothing usable is known (RFC 2606
	// section 2): a client that verifies refuses it, one that does not goes on.
	noName = "midstream.invalid"
)

// The tags of GeneralName that a leaf uses (RFC 5280 section 4.2.1.6), and
// those around them.
const (
	tagDNS       = 2
	tagIP        = 7
	contextClass = 0x80
	tagSequence  = 0x30
)

// nameList collects names, at most maxNames and maxNameBytes of them.
type nameList struct {
	values []generalName
	bytes  int
}

type generalName struct {
	tag   byte
	value string
}

func (l *nameList) full() bool { return len(l.values) >= maxNames || l.bytes >= maxNameBytes }

func (l *nameList) add(tag byte, value string) {
	if l.full() || l.bytes+len(value) > maxNameBytes {
		return
	}
	for _, have := range l.values {
		if have.value == value && have.tag == tag {
			return
		}
		if tag == tagDNS && have.tag == tagDNS && len(have.value) == len(value) && strings.EqualFold(have.value, value) {
			return
		}
	}
	l.bytes += len(value) + 2
	l.values = append(l.values, generalName{tag, value})
}

// der returns the list as GeneralNames.
func (l *nameList) der() []byte {
	body := make([]byte, 0, l.bytes+2*len(l.values))
	for _, n := range l.values {
		body = append(body, contextClass|n.tag)
		body = appendLength(body, len(n.value))
		body = append(body, n.value...)
	}
	out := make([]byte, 0, len(body)+4)
	out = append(out, tagSequence)
	out = appendLength(out, len(body))
	return append(out, body...)
}

// appendLength appends a definite length (X.690 section 8.1.3) below 64 KiB.
func appendLength(b []byte, n int) []byte {
	switch {
	case n < 0x80:
		return append(b, byte(n))
	case n < 0x100:
		return append(b, 0x81, byte(n))
	}
	return append(b, 0x82, byte(n>>8), byte(n))
}

func (l *nameList) addIP(ip netip.Addr) {
	l.add(tagIP, string(ip.Unmap().WithZone("").AsSlice()))
}

// addHost adds a name or an address, with or without brackets and final dot.
func (l *nameList) addHost(host string) {
	host = trimHost(host)
	if ip, err := netip.ParseAddr(host); err == nil {
		l.addIP(ip)
		return
	}
	if name, ok := dnsName(host); ok {
		l.add(tagDNS, name)
	}
}

func (l *nameList) addUpstream(cert *x509.Certificate) {
	for i, name := range cert.DNSNames {
		if i == maxScan || l.full() {
			break
		}
		if name, ok := dnsName(name); ok {
			l.add(tagDNS, name)
		}
	}
	for i, ip := range cert.IPAddresses {
		if i == maxScan || l.full() {
			break
		}
		if a, ok := netip.AddrFromSlice(ip); ok {
			l.addIP(a)
		}
	}
}

// trimHost takes off what belongs to an authority and not to a name.
func trimHost(host string) string {
	if h, ok := strings.CutPrefix(host, "["); ok {
		host = strings.TrimSuffix(h, "]")
	}
	return strings.TrimSuffix(host, ".")
}

// dnsName returns the name as a certificate carries it, and whether it can.
func dnsName(name string) (string, bool) {
	ascii := true
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c >= utf8.RuneSelf {
			ascii = false
		} else if c <= ' ' || c == 0x7f {
			return "", false
		}
	}
	if !ascii {
		if len(name) > maxName || !utf8.ValidString(name) {
			return "", false
		}
		a, err := idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false)).ToASCII(name)
		if err != nil {
			// The rules of IDNA 2008 refuse emoji, hosts use them all the same.
			if a, err = idna.Punycode.ToASCII(name); err != nil {
				return "", false
			}
		}
		name = a
	}
	if len(name) > maxName || strings.Trim(name, ".*") == "" {
		return "", false
	}
	return name, true
}

// leafNames returns the subjectAltName of a leaf, DER-encoded.
func leafNames(r LeafRequest) []byte {
	var l nameList
	l.addHost(r.SNI)
	l.addHost(r.Addr)
	if r.Upstream != nil {
		l.addUpstream(r.Upstream)
	}
	if len(l.values) == 0 {
		l.add(tagDNS, noName)
	}
	return l.der()
}
