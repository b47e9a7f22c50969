package replay

import (
	"bytes"
	"hash"
)

// unbound tells to a multipart body without its boundary, which clients make up anew
// for each request: bodies that differ in nothing else are the same.
type unbound struct {
	to        hash.Hash
	delimiter []byte // with its dashes
	held      []byte // what may begin one
}

func (u *unbound) Write(p []byte) (int, error) {
	u.held = append(u.held, p...)
	rest := u.held
	for {
		i := bytes.Index(rest, u.delimiter)
		if i < 0 {
			break
		}
		u.to.Write(rest[:i])
		u.to.Write([]byte("--\x00boundary"))
		rest = rest[i+len(u.delimiter):]
	}
	if sure := len(rest) - len(u.delimiter) + 1; sure > 0 {
		u.to.Write(rest[:sure])
		rest = rest[sure:]
	}
	u.held = u.held[:copy(u.held, rest)]
	return len(p), nil
}

// end tells what was held.
func (u *unbound) end() {
	u.to.Write(u.held)
	u.held = nil
}
