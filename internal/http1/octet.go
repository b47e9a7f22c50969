package http1

// Classes of octets, as bits.
const (
	tokenOctet  = 1 << iota // tchar, RFC 9110 section 5.6.2
	ctlOctet                // control characters but HTAB
	hexOctet                // HEXDIG, either case
	spaceOctet              // SP, HTAB and the other ASCII white space
	hostOctet               // what a host name or an IPv4 address can have, RFC 3986 section 3.2.2
	schemeOctet             // what follows the first letter of a scheme, RFC 3986 section 3.1
)

// octets has the classes of every octet; it is never changed.
var octets = func() (t [256]uint8) {
	for c := range t {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		digit := c >= '0' && c <= '9'
		if letter || digit {
			t[c] |= tokenOctet | hostOctet | schemeOctet
		}
		if digit || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' {
			t[c] |= hexOctet
		}
		if c < 0x20 && c != '\t' || c == 0x7f {
			t[c] |= ctlOctet
		}
		if c >= 0x80 {
			// Raw UTF-8 names are in use; a host is not checked more than dialling needs.
			t[c] |= hostOctet
		}
	}
	for _, c := range "!#$%&'*+-.^_`|~" {
		t[c] |= tokenOctet
	}
	for _, c := range " \t\r\n\v\f" {
		t[c] |= spaceOctet
	}
	for _, c := range "-._~!$&'()*+,;=%" {
		t[c] |= hostOctet
	}
	for _, c := range "+-." {
		t[c] |= schemeOctet
	}
	return t
}()

// all tells whether every octet of s is of a class.
func all(s string, class uint8) bool {
	for i := range len(s) {
		if octets[s[i]]&class == 0 {
			return false
		}
	}
	return true
}

// find returns where the first octet of a class is in s, -1 without one.
func find(s string, class uint8) int {
	for i := range len(s) {
		if octets[s[i]]&class != 0 {
			return i
		}
	}
	return -1
}

// hasControl tells whether s has a control character but HTAB. It looks at eight
// octets at a time, for it sees every octet of every head.
func hasControl(s string) bool {
	const (
		ones = 0x0101010101010101
		high = 0x80 * ones
	)
	for len(s) >= 8 {
		x := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		below := (x - 0x20*ones) & ^x    // high bit: the octet, or a borrow from one before it, is below 0x20
		del := x ^ 0x7f*ones             // zero: the octet is DEL
		del = (del - ones) & ^del & high // high bit: so, or a borrow
		if (below&high|del) != 0 && find(s[:8], ctlOctet) >= 0 {
			return true
		}
		s = s[8:]
	}
	return find(s, ctlOctet) >= 0
}

func isToken(s string) bool { return s != "" && all(s, tokenOctet) }
