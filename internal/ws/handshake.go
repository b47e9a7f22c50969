package ws

import (
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
)

// NewKey returns a Sec-WebSocket-Key (RFC 6455 section 4.1).
func NewKey() string {
	var nonce [16]byte
	rand.Read(nonce[:])
	return base64.StdEncoding.EncodeToString(nonce[:])
}

// Accept is the Sec-WebSocket-Accept that answers key (RFC 6455 section 4.2.2).
func Accept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}
