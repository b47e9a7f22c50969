package ca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
)

// KeyType is the kind of key that midstream makes, for its root and its leaves.
type KeyType uint8

// The kinds of keys.
const (
	// ECDSA is P-256: a signature costs a thirtieth of RSA's, and every client
	// of the last ten years takes it.
	ECDSA KeyType = 0
	// RSA has 2048 bits. It is for clients that know nothing else.
	RSA KeyType = 1
)

const rsaBits = 2048

// String returns the word that the option key_type takes.
func (k KeyType) String() string {
	if k == RSA {
		return "rsa"
	}
	return "ecdsa"
}

// ParseKeyType reads the option key_type: "ecdsa" (also the empty string) or "rsa".
func ParseKeyType(s string) (KeyType, error) {
	switch s {
	case "", "ecdsa":
		return ECDSA, nil
	case "rsa":
		return RSA, nil
	}
	return ECDSA, fmt.Errorf("key_type %q: not a kind of key; use ecdsa or rsa", s)
}

func newKey(kind KeyType) (crypto.Signer, error) {
	if kind == RSA {
		key, err := rsa.GenerateKey(rand.Reader, rsaBits)
		if err != nil {
			return nil, fmt.Errorf("make RSA key: %w", err)
		}
		return key, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make ECDSA key: %w", err)
	}
	return key, nil
}

// matches tells whether key is the private half of cert's key.
func matches(key crypto.Signer, cert *x509.Certificate) bool {
	pub, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && pub.Equal(cert.PublicKey)
}

// describeKey names a public key for people: "ECDSA P-256", "RSA 2048".
func describeKey(pub crypto.PublicKey) string {
	switch k := pub.(type) {
	case *ecdsa.PublicKey:
		return "ECDSA " + k.Curve.Params().Name
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", k.N.BitLen())
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return fmt.Sprintf("%T", pub)
}
