package query

import (
	"fmt"
	"io"
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"midstream/flow"
)

// maxDNS is the longest DNS message (RFC 1035 section 4.2.2).
const maxDNS = 64 << 10

// searchDNS looks into the text form of the messages of a DNS flow; URL looks
// at the name that the first question asks for.
func (m *matcher) searchDNS(a *Atom, side flow.Side) (bool, error) {
	src, err := m.bodies.Open(m.ctx, m.f, side)
	if err != nil || src == nil {
		return false, err
	}
	defer src.Close()
	p, err := io.ReadAll(io.LimitReader(src, maxDNS))
	if err != nil {
		return false, err
	}
	var msg dnsmessage.Message
	if err := msg.Unpack(p); err != nil {
		return false, nil // what is no message has no text
	}
	if a.Op == URL {
		return len(msg.Questions) > 0 && a.Matches(dnsName(msg.Questions[0].Name)), nil
	}
	return a.Matches(dnsText(&msg)), nil
}

// dnsText is a message in text: what is asked for and what is answered, one a
// line.
func dnsText(msg *dnsmessage.Message) string {
	var lines []string
	for _, q := range msg.Questions {
		lines = append(lines, dnsName(q.Name))
	}
	for _, section := range [][]dnsmessage.Resource{msg.Answers, msg.Authorities, msg.Additionals} {
		for _, r := range section {
			lines = append(lines, dnsData(r.Body))
		}
	}
	return strings.Join(lines, "\r\n")
}

func dnsName(n dnsmessage.Name) string {
	s := n.String()
	if s == "." {
		return s
	}
	return strings.TrimSuffix(s, ".")
}

func dnsData(body dnsmessage.ResourceBody) string {
	switch b := body.(type) {
	case *dnsmessage.AResource:
		return netip.AddrFrom4(b.A).String()
	case *dnsmessage.AAAAResource:
		return netip.AddrFrom16(b.AAAA).String()
	case *dnsmessage.CNAMEResource:
		return dnsName(b.CNAME)
	case *dnsmessage.NSResource:
		return dnsName(b.NS)
	case *dnsmessage.PTRResource:
		return dnsName(b.PTR)
	case *dnsmessage.MXResource:
		return dnsName(b.MX)
	case *dnsmessage.SRVResource:
		return dnsName(b.Target)
	case *dnsmessage.TXTResource:
		return strings.Join(b.TXT, "")
	case *dnsmessage.UnknownResource:
		return fmt.Sprintf("0x%x", b.Data)
	}
	return ""
}
