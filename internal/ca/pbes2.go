package ca

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"hash"
)

// maxIterations bounds what a file can make us compute: more than careful tools
// write today, and less than a few seconds of work.
const maxIterations = 2_000_000

var errPassphrase = errors.New("wrong passphrase")

// RFC 5958 section 3 and RFC 8018 appendix A.
type encryptedKey struct {
	Algorithm pkix.AlgorithmIdentifier
	Data      []byte
}

type pbes2Params struct {
	KDF    pkix.AlgorithmIdentifier
	Cipher pkix.AlgorithmIdentifier
}

type pbkdf2Params struct {
	Salt       []byte
	Iterations int
	KeyLength  int                      `asn1:"optional"`
	PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
}

var (
	oidPBES2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
)

type blockCipher struct {
	oid    asn1.ObjectIdentifier
	keyLen int
	open   func([]byte) (cipher.Block, error)
}

func blockCipherOf(oid asn1.ObjectIdentifier) (blockCipher, bool) {
	for _, c := range [...]blockCipher{
		{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 2}, 16, aes.NewCipher},
		{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 22}, 24, aes.NewCipher},
		{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}, 32, aes.NewCipher},
		{asn1.ObjectIdentifier{1, 2, 840, 113549, 3, 7}, 24, des.NewTripleDESCipher},
	} {
		if c.oid.Equal(oid) {
			return c, true
		}
	}
	return blockCipher{}, false
}

func prfOf(oid asn1.ObjectIdentifier) (func() hash.Hash, bool) {
	if len(oid) == 0 {
		return sha1.New, true
	}
	for _, p := range [...]struct {
		oid asn1.ObjectIdentifier
		new func() hash.Hash
	}{
		{asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 7}, sha1.New},
		{asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 8}, sha256.New224},
		{asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}, sha256.New},
		{asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 10}, sha512.New384},
		{asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 11}, sha512.New},
	} {
		if p.oid.Equal(oid) {
			return p.new, true
		}
	}
	return nil, false
}

// decryptPKCS8 opens an ENCRYPTED PRIVATE KEY block (PBES2 of RFC 8018 section
// 6.2, which is what every tool has written since 2015) and returns the PKCS#8
// structure inside. A wrong passphrase is errPassphrase.
func decryptPKCS8(der []byte, passphrase string) ([]byte, error) {
	var outer encryptedKey
	if rest, err := asn1.Unmarshal(der, &outer); err != nil || len(rest) > 0 {
		return nil, errors.New("encrypted private key is damaged")
	}
	if !outer.Algorithm.Algorithm.Equal(oidPBES2) {
		return nil, fmt.Errorf("private key is encrypted with scheme %v, which is not supported; rewrite it with: openssl pkcs8 -topk8 -v2 aes256", outer.Algorithm.Algorithm)
	}
	var scheme pbes2Params
	if _, err := asn1.Unmarshal(outer.Algorithm.Parameters.FullBytes, &scheme); err != nil {
		return nil, errors.New("encrypted private key is damaged")
	}
	if !scheme.KDF.Algorithm.Equal(oidPBKDF2) {
		return nil, fmt.Errorf("private key is encrypted with key derivation %v, which is not supported; rewrite it with: openssl pkcs8 -topk8 -v2 aes256", scheme.KDF.Algorithm)
	}
	var kdf pbkdf2Params
	if _, err := asn1.Unmarshal(scheme.KDF.Parameters.FullBytes, &kdf); err != nil {
		return nil, errors.New("encrypted private key is damaged")
	}
	if kdf.Iterations < 1 || kdf.Iterations > maxIterations {
		return nil, fmt.Errorf("private key asks for %d rounds of key derivation; at most %d are done", kdf.Iterations, maxIterations)
	}
	prf, ok := prfOf(kdf.PRF.Algorithm)
	if !ok {
		return nil, fmt.Errorf("private key is encrypted with hash %v, which is not supported", kdf.PRF.Algorithm)
	}
	block, ok := blockCipherOf(scheme.Cipher.Algorithm)
	if !ok {
		return nil, fmt.Errorf("private key is encrypted with cipher %v, which is not supported; rewrite it with: openssl pkcs8 -topk8 -v2 aes256", scheme.Cipher.Algorithm)
	}
	var iv []byte
	if _, err := asn1.Unmarshal(scheme.Cipher.Parameters.FullBytes, &iv); err != nil {
		return nil, errors.New("encrypted private key is damaged")
	}
	key, err := pbkdf2.Key(prf, passphrase, kdf.Salt, kdf.Iterations, block.keyLen)
	if err != nil {
		return nil, fmt.Errorf("derive key from passphrase: %w", err)
	}
	c, err := block.open(key)
	if err != nil {
		return nil, fmt.Errorf("open cipher: %w", err)
	}
	if len(iv) != c.BlockSize() || len(outer.Data) == 0 || len(outer.Data)%c.BlockSize() != 0 {
		return nil, errors.New("encrypted private key is damaged")
	}
	plain := make([]byte, len(outer.Data))
	cipher.NewCBCDecrypter(c, iv).CryptBlocks(plain, outer.Data)
	pad := int(plain[len(plain)-1])
	if pad == 0 || pad > c.BlockSize() {
		return nil, errPassphrase
	}
	for _, b := range plain[len(plain)-pad:] {
		if int(b) != pad {
			return nil, errPassphrase
		}
	}
	return plain[:len(plain)-pad], nil
}
