package message

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"midstream/flow"
)

// Status reads how a call ended from the trailers of gRPC, or the head of a
// response that is trailers only; nil where they do not say.
func Status(fields flow.Fields) *flow.RPC {
	value, ok := fields.Lookup("Grpc-Status")
	if !ok {
		return nil
	}
	r := &flow.RPC{Protocol: "grpc", Code: 2, Message: unpercent(fields.Get("Grpc-Message"))}
	if n, err := strconv.ParseUint(flow.TrimSpace(value), 10, 32); err == nil {
		r.Code = uint32(n)
	}
	return r
}

// TrailersStatus reads it from the trailer section that ends a body of gRPC-Web.
func TrailersStatus(section []byte) *flow.RPC {
	var fields flow.Fields
	for line := range bytes.Lines(section) {
		if name, value, ok := strings.Cut(strings.TrimRight(string(line), "\r\n"), ":"); ok {
			fields.Add(flow.TrimSpace(name), flow.TrimSpace(value))
		}
	}
	r := Status(fields)
	if r != nil {
		r.Protocol = "grpc-web"
	}
	return r
}

// EndStatus reads it from the JSON object that ends a stream of Connect.
func EndStatus(object []byte) *flow.RPC {
	var end struct {
		Error json.RawMessage `json:"error"`
	}
	if json.Unmarshal(object, &end) != nil {
		return nil
	}
	if len(end.Error) == 0 || string(end.Error) == "null" {
		return &flow.RPC{Protocol: "connect"}
	}
	return ErrorStatus(end.Error, 0)
}

// ErrorStatus reads it from the body of a Connect response that is an error. status
// is that of HTTP, which tells the code where the body does not.
func ErrorStatus(object []byte, status int) *flow.RPC {
	var said struct{ Code, Message string }
	r := &flow.RPC{Protocol: "connect", Code: 2}
	if json.Unmarshal(object, &said) == nil {
		r.Message = said.Message
	}
	name := said.Code
	if name == "" {
		name = map[int]string{400: "internal", 401: "unauthenticated", 403: "permission_denied", 404: "unimplemented",
			429: "unavailable", 502: "unavailable", 503: "unavailable", 504: "unavailable"}[status]
	}
	if name == "canceled" {
		name = "cancelled" // the codes of Connect are those of gRPC but for this spelling
	}
	if code, ok := flow.RPCCode(name); ok {
		r.Code = code
	}
	return r
}

// unpercent decodes grpc-message; what is no escape stays as it is.
func unpercent(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				out = append(out, byte(n))
				i += 2
				continue
			}
		}
		out = append(out, s[i])
	}
	return strings.ToValidUTF8(string(out), "\ufffd")
}
