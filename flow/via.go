package flow

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Via is a parent proxy that a request goes through. It is never changed.
type Via struct {
	// Scheme is "http", or "https" for a parent that is spoken to over TLS.
	Scheme string
	// Host is a name or an address without brackets.
	Host string
	Port uint16
	// User and Password are for this parent and nobody else; both empty for none.
	// No method prints them.
	User, Password string
}

// ParseVia reads [http[s]://][USER:PASSWORD@]HOST[:PORT]; the scheme is http where
// there is none, the port 80 or 443. User and password may be percent-encoded. The
// error does not repeat them.
func ParseVia(s string) (*Via, error) {
	v := &Via{Scheme: "http"}
	scheme, rest, ok := strings.Cut(s, "://")
	if ok {
		v.Scheme = strings.ToLower(scheme)
	} else {
		rest = s
	}
	if v.Scheme != "http" && v.Scheme != "https" {
		return nil, fmt.Errorf("scheme %s of the parent proxy is not http or https", strconv.QuoteToASCII(cutText(scheme)))
	}
	v.Port = DefaultPort(v.Scheme)
	rest = strings.TrimSuffix(rest, "/")
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		user, password, _ := strings.Cut(rest[:at], ":")
		var err error
		if v.User, err = unescape(user); err != nil {
			return nil, err
		}
		if v.Password, err = unescape(password); err != nil {
			return nil, err
		}
		rest = rest[at+1:]
	}
	host, port := rest, ""
	if i := strings.LastIndexByte(rest, ':'); i >= 0 && !strings.HasSuffix(rest, "]") {
		host, port = rest[:i], rest[i+1:]
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return nil, fmt.Errorf("port %s of the parent proxy is not one of 1 to 65535", strconv.QuoteToASCII(cutText(port)))
		}
		v.Port = uint16(n)
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		if _, err := netip.ParseAddr(inner); !ok || err != nil || !strings.Contains(inner, ":") {
			return nil, fmt.Errorf("host %s of the parent proxy is not an IPv6 address in brackets", strconv.QuoteToASCII(cutText(host)))
		}
		host = inner
	} else if host == "" || len(host) > 255 || strings.ContainsAny(host, "[]:/?#@%\\ \t\r\n\x00") {
		return nil, fmt.Errorf("host %s of the parent proxy is not a host (IPv6 addresses stand in brackets)", strconv.QuoteToASCII(cutText(host)))
	}
	v.Host = host
	return v, nil
}

// unescape undoes percent-encoding (RFC 3986 section 2.1).
func unescape(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' {
			if len(s) < i+3 {
				return "", errEncoding
			}
			n, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
			if err != nil {
				return "", errEncoding
			}
			c = byte(n)
			i += 2
		}
		b.WriteByte(c)
	}
	return b.String(), nil
}

var errEncoding = errors.New("the credentials of the parent proxy have a % that is not followed by two hexadecimal digits: write it as %25")

// Address is the host:port to dial.
func (v *Via) Address() string { return net.JoinHostPort(v.Host, strconv.Itoa(int(v.Port))) }

// String is the parent as a URL, without credentials; "" for none.
func (v *Via) String() string {
	if v == nil {
		return ""
	}
	return v.Scheme + "://" + v.Address()
}

// GoString is String: credentials are not printed.
func (v *Via) GoString() string { return "flow.Via(" + v.String() + ")" }

func cutText(s string) string {
	if len(s) > 80 {
		return s[:80] + "..."
	}
	return s
}
