package ca

import (
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
)

const (
	// maxP12Iterations bounds the key derivation that a PKCS#12 file may ask
	// for; tools write 2048 to 600,000.
	maxP12Iterations = 1_000_000
	maxP12Depth      = 32
)

// checkIterations refuses a PKCS#12 file that would keep us computing for
// hours: the decoder has no bound of its own. In every structure that names a
// count of rounds (RFC 7292 section 4 and appendix C, RFC 8018 appendix A) it
// is the INTEGER behind the OCTET STRING of a salt.
func checkIterations(der []byte, depth int) error {
	if depth > maxP12Depth {
		return errors.New("PKCS#12 file is nested too deeply")
	}
	afterSalt := false
	for len(der) > 0 {
		var v asn1.RawValue
		rest, err := asn1.Unmarshal(der, &v)
		if err != nil {
			return nil // not DER here: the decoder says so, or it is ciphertext
		}
		der = rest
		universal := v.Class == asn1.ClassUniversal
		if universal && v.Tag == asn1.TagInteger && afterSalt {
			n := new(big.Int).SetBytes(v.Bytes)
			if len(v.Bytes) > 8 || n.Cmp(big.NewInt(maxP12Iterations)) > 0 {
				return fmt.Errorf("PKCS#12 file asks for more than %d rounds of key derivation", maxP12Iterations)
			}
		}
		afterSalt = universal && v.Tag == asn1.TagOctetString
		if v.IsCompound || afterSalt {
			if err := checkIterations(v.Bytes, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}
