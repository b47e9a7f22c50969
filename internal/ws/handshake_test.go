package ws

import (
	"encoding/base64"
	"testing"
)

func TestHandshake(t *testing.T) {
	// The example of RFC 6455 section 1.3.
	if got := Accept("dGhlIHNhbXBsZSBub25jZQ=="); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Errorf("accept %s", got)
	}
	a, b := NewKey(), NewKey()
	if nonce, err := base64.StdEncoding.DecodeString(a); len(nonce) != 16 || err != nil || a == b {
		t.Errorf("keys %s %s, %v", a, b, err)
	}
}
