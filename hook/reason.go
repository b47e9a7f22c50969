package hook

import "net/http"

// Reason returns the standard reason phrase of a status (RFC 9110 section 15),
// "" for an unknown one.
func Reason(status int) string { return http.StatusText(status) }
