package http2

// Classes of octets, as bits.
const (
	tokenOctet = 1 << iota // tchar, RFC 9110 section 5.6.2
	ctlOctet               // control characters but HTAB
	breakOctet             // NUL, CR and LF: never in a field (RFC 9113 section 8.2.1)
	upperOctet             // A to Z
)

// octets has the classes of every octet; it is never changed.
var octets = func() (t [256]uint8) {
	for c := range t {
		upper := c >= 'A' && c <= 'Z'
		if upper || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			t[c] |= tokenOctet
		}
		if upper {
			t[c] |= upperOctet
		}
		if c < 0x20 && c != '\t' || c == 0x7f {
			t[c] |= ctlOctet
		}
	}
	for _, c := range "!#$%&'*+-.^_`|~" {
		t[c] |= tokenOctet
	}
	for _, c := range "\x00\r\n" {
		t[c] |= breakOctet
	}
	return t
}()

// all tells whether every octet of s is of a class, has whether one is.
func all(s string, class uint8) bool {
	for i := range len(s) {
		if octets[s[i]]&class == 0 {
			return false
		}
	}
	return true
}

func has(s string, class uint8) bool {
	for i := range len(s) {
		if octets[s[i]]&class != 0 {
			return true
		}
	}
	return false
}

func isToken(s string) bool { return s != "" && all(s, tokenOctet) }
