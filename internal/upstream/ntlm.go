package upstream

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"

	"github.com/Azure/go-ntlmssp"

	"midstream/flow"
)

// handshake is NTLM with a parent on one connection: a message of ours, its
// challenge, our answer. What is granted holds for the connection (RFC 4559
// section 6 says the same of Negotiate).
type handshake struct {
	scheme string // as the parent named it: ntlm, or negotiate, which carries it
	via    *flow.Via
	said   int // messages of ours
}

// begin is the field of the first message.
func (h *handshake) begin() (string, error) {
	message, err := ntlmssp.NewNegotiateMessage("", "")
	if err != nil {
		return "", err
	}
	return h.field(message), nil
}

// answer is the field of the second message, which answers the challenge in head.
func (h *handshake) answer(head http.Header) (string, error) {
	var token []byte
	for _, c := range parseChallenges(head.Values("Proxy-Authenticate")) {
		if c.scheme == h.scheme && c.token != "" {
			t, err := base64.StdEncoding.DecodeString(c.token)
			if err != nil {
				return "", fmt.Errorf("its challenge is no base64: %w", err)
			}
			token = t
		}
	}
	if token == nil {
		return "", fmt.Errorf("it broke off the %s handshake", strings.ToUpper(h.scheme))
	}
	message, err := ntlmssp.NewAuthenticateMessage(token, h.via.User, h.via.Password, nil)
	if err != nil {
		return "", fmt.Errorf("its %s challenge: %w", strings.ToUpper(h.scheme), err)
	}
	return h.field(message), nil
}

func (h *handshake) field(message []byte) string {
	h.said++
	name := "NTLM"
	if h.scheme == "negotiate" {
		name = "Negotiate"
	}
	return name + " " + base64.StdEncoding.EncodeToString(message)
}
