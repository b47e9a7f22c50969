package http1

// extension follows the grammar of chunk extensions (RFC 9112 section 7.1.1), so
// that no octet of one can be taken for a line of its own:
//
//	*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )
//
// Its zero value stands behind a semicolon.
type extension uint8

const (
	extNameStart extension = iota
	extName
	extNameEnd // white space after a name
	extValueStart
	extValue
	extQuoted
	extEscape   // after a backslash in a quoted string
	extValueEnd // after a value
	extBroken   // not in the grammar; the rest of the line is read over
)

// step takes the next octet; extBroken says that it cannot stand there.
func (e extension) step(c byte) extension {
	class := octets[c]
	blank := c == ' ' || c == '\t'
	switch e {
	case extNameStart, extValueStart:
		switch {
		case blank:
			return e
		case class&tokenOctet != 0:
			return e + 1
		case c == '"' && e == extValueStart:
			return extQuoted
		}
	case extName, extNameEnd:
		switch {
		case c == '=':
			return extValueStart
		case c == ';':
			return extNameStart
		case blank:
			return extNameEnd
		case class&tokenOctet != 0 && e == extName:
			return e
		}
	case extValue, extValueEnd:
		switch {
		case c == ';':
			return extNameStart
		case blank:
			return extValueEnd
		case class&tokenOctet != 0 && e == extValue:
			return e
		}
	case extQuoted:
		switch c {
		case '"':
			return extValueEnd
		case '\\':
			return extEscape
		}
		return e
	case extEscape:
		return extQuoted
	}
	return extBroken
}

// whole tells whether the line may end here.
func (e extension) whole() bool {
	return e == extName || e == extValue || e == extValueEnd
}
