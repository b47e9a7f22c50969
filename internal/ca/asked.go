package ca

import (
	"crypto/sha256"
	"encoding/binary"
	"io"
	"sync"
)

// maxAsked bounds the requests that are known: 80 octets each.
const maxAsked = 4096

// asked knows what the leaf of a request says, so that the names of a server's
// certificate, which may be many, are not listed for each connection. The
// zero value knows none; past maxAsked any one is forgotten.
type asked struct {
	mu    sync.Mutex // guards known
	known map[[sha256.Size]byte]cacheKey
}

// key returns the key of the leaf for r, which list tells when it is not known.
func (a *asked) key(r LeafRequest, list func() cacheKey) cacheKey {
	if r.Upstream != nil && len(r.Upstream.Raw) == 0 {
		return list() // nothing tells it from another one
	}
	h := sha256.New()
	head := make([]byte, 1, 2*binary.MaxVarintLen64+1)
	if r.RSA {
		head[0] = 1
	}
	head = binary.AppendUvarint(head, uint64(len(r.SNI)))
	h.Write(binary.AppendUvarint(head, uint64(len(r.Addr))))
	io.WriteString(h, r.SNI)
	io.WriteString(h, r.Addr)
	if r.Upstream != nil {
		h.Write(r.Upstream.Raw)
	}
	of := [sha256.Size]byte(h.Sum(nil))
	a.mu.Lock()
	key, known := a.known[of]
	a.mu.Unlock()
	if known {
		return key
	}
	key = list()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known == nil {
		a.known = make(map[[sha256.Size]byte]cacheKey)
	}
	if len(a.known) >= maxAsked {
		for old := range a.known { // any one will do
			delete(a.known, old)
			break
		}
	}
	a.known[of] = key
	return key
}
