package redaction

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
)

const (
	tagBegin = "[redacted:"
	tagWord  = 12 // hexadecimal digits
	tagSize  = len(tagBegin) + tagWord + 1
)

// isTag tells whether a value has been replaced already.
func isTag[T ~string | ~[]byte](p T) bool {
	if len(p) != tagSize || string(p[:len(tagBegin)]) != tagBegin || p[tagSize-1] != ']' {
		return false
	}
	for i := len(tagBegin); i < tagSize-1; i++ {
		if c := p[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// credential is one that is being read.
type credential struct {
	mac  hash.Hash
	head []byte // its first octets, to know it again
	n    int64
}

// reset begins another one.
func (c *credential) reset(k Key) {
	if c.mac == nil {
		c.mac = hmac.New(sha256.New, k)
	} else {
		c.mac.Reset()
	}
	c.head, c.n = c.head[:0], 0
}

func (c *credential) write(p []byte) {
	c.mac.Write(p)
	c.n += int64(len(p))
	c.head = append(c.head, p[:min(len(p), longestKept+1-len(c.head))]...)
}

// tag is what stands in its place.
func (c *credential) tag() []byte {
	if c.n == int64(tagSize) && isTag(c.head) {
		return append([]byte(nil), c.head...)
	}
	t := make([]byte, 0, tagSize)
	t = append(t, tagBegin...)
	t = hex.AppendEncode(t, c.mac.Sum(nil)[:tagWord/2])
	return append(t, ']')
}

// fit makes a tag as long as what it replaces.
func fit(tag []byte, n int) []byte {
	if len(tag) > n {
		tag = []byte("************************"[:min(n, tagSize)])
	}
	for len(tag) < n {
		tag = append(tag, '*')
	}
	return tag
}
