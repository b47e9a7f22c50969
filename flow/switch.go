package flow

import "strings"

// Switched is the protocol that a response makes of what its request was sent on,
// in lower case: a 101 of the connection (RFC 9110 section 15.2.2), a 2xx to an
// extended CONNECT of the stream (RFC 8441 section 4). It is empty where the
// response is one of HTTP, and for the tunnel of a plain CONNECT.
func Switched(r *Request, s *Response) string {
	switch {
	case r == nil || s == nil:
	case s.Status == 101:
		return strings.ToLower(TrimSpace(s.Fields.Joined("Upgrade")))
	case r.Protocol != "" && s.Status/100 == 2:
		return strings.ToLower(r.Protocol)
	}
	return ""
}
