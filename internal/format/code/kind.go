package code

import (
	"fmt"
	"slices"
	"strings"
)

// Kind is what a request is written as.
type Kind string

// The kinds.
const (
	Curl        Kind = "curl"
	HTTPie      Kind = "httpie"
	Raw         Kind = "raw" // request and response
	RawRequest  Kind = "raw-request"
	RawResponse Kind = "raw-response"
	Python      Kind = "python"
	Fetch       Kind = "fetch"
	Go          Kind = "go"
)

// Kinds are all of them.
func Kinds() []string {
	return []string{string(Curl), string(HTTPie), string(Raw), string(RawRequest), string(RawResponse), string(Python), string(Fetch), string(Go)}
}

// ParseKind reads the name of a kind; raw_request is raw-request.
func ParseKind(s string) (Kind, error) {
	name := strings.ReplaceAll(strings.ToLower(s), "_", "-")
	if slices.Contains(Kinds(), name) {
		return Kind(name), nil
	}
	return "", fmt.Errorf("%q is no kind of export: give one of %s", s, strings.Join(Kinds(), ", "))
}
