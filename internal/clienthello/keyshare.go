package clienthello

import (
	"bytes"
	"crypto/ecdh"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/tls"
	"errors"

	utls "github.com/refraction-networking/utls"
)

// keyShares is what the key_share extension (RFC 8446 section 4.2.8) says beyond
// the groups that there are keys for.
type keyShares struct {
	x25519 bool // has one for X25519 alone
	same   bool // and that key is in the one of X25519MLKEM768, too
}

// lengthX25519 is of a key, which the share of X25519MLKEM768 ends with.
const lengthX25519 = 32

func parseShares(p []byte) (s keyShares) {
	c := cursor{p, true}
	list := cursor{c.take(c.u16()), c.ok}
	var alone, hybrid []byte
	for list.ok && len(list.p) > 0 {
		group, key := tls.CurveID(list.u16()), list.take(list.u16())
		switch {
		case group == tls.X25519 && len(key) == lengthX25519:
			alone = key
		case group == tls.X25519MLKEM768 && len(key) > lengthX25519:
			hybrid = key[len(key)-lengthX25519:]
		}
	}
	s.x25519 = alone != nil
	s.same = s.x25519 && bytes.Equal(alone, hybrid)
	return s
}

// SharesX25519 tells whether a server can agree on X25519 without asking the client
// for another key.
func (h *Hello) SharesX25519() bool { return h.shares.x25519 }

// apply puts what spec says into the hello of c. The keys for X25519MLKEM768 are made
// here: a client that has one X25519 key in two shares is repeated with one, and keys
// are not made in the depth of ApplyPreset, whose frame alone takes 14 KiB of the stack.
func (h *Hello) apply(c *utls.UConn, spec *utls.ClientHelloSpec) error {
	alone, hybrid := sharesIn(spec)
	if hybrid == nil {
		return c.ApplyPreset(spec)
	}
	lattice, err := mlkem.GenerateKey768()
	if err != nil {
		return err
	}
	curve, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	hybrid.Data = append(lattice.EncapsulationKey().Bytes(), curve.PublicKey().Bytes()...)
	same := h.shares.same && alone != nil
	if same {
		alone.Data = curve.PublicKey().Bytes()
	}
	if err := c.ApplyPreset(spec); err != nil {
		return err
	}
	keys := c.HandshakeState.State13.KeyShareKeys
	if keys == nil {
		return errors.New("a key share without TLS 1.3")
	}
	keys.Mlkem, keys.MlkemEcdhe = lattice, curve
	if same || keys.Ecdhe == nil {
		keys.Ecdhe = curve
	}
	return nil
}

// sharesIn returns the places of the keys for X25519 and X25519MLKEM768, nil without.
func sharesIn(spec *utls.ClientHelloSpec) (alone, hybrid *utls.KeyShare) {
	for _, e := range spec.Extensions {
		shares, ok := e.(*utls.KeyShareExtension)
		if !ok {
			continue
		}
		for i := range shares.KeyShares {
			switch s := &shares.KeyShares[i]; s.Group {
			case utls.X25519:
				alone = s
			case utls.X25519MLKEM768:
				hybrid = s
			}
		}
	}
	return alone, hybrid
}
