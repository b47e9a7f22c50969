package message

import (
	"testing"

	"midstream/flow"
)

func TestStatus(t *testing.T) {
	status := func(code, text string) *flow.RPC {
		return Status(flow.Fields{{Name: "grpc-status", Value: code}, {Name: "grpc-message", Value: text}})
	}
	for want, got := range map[string]*flow.RPC{
		"grpc 0 OK":                             status("0", ""),
		"grpc 5 NOT_FOUND: no \"100 %\" später": status("5", "no%20\"100 %25\"%20sp%C3%A4ter"),
		"grpc 14 UNAVAILABLE: 100% %zz %4":      status(" 14 ", "100% %zz %4"),
		"grpc 2 UNKNOWN: \ufffd":                status("what", "%ff"),
		"grpc 99: x":                            status("99", "x"),
		"grpc-web 8 RESOURCE_EXHAUSTED: a b":    TrailersStatus([]byte("grpc-status:8\r\nGrpc-Message: a%20b\r\nx: 1\r\n")),
		"connect 0 OK":                          EndStatus([]byte("{}")),
		"connect 1 CANCELLED: gone":             EndStatus([]byte(`{"error":{"code":"canceled","message":"gone"}}`)),
		"connect 8 RESOURCE_EXHAUSTED: slow":    ErrorStatus([]byte(`{"code":"resource_exhausted","message":"slow"}`), 429),
		"connect 12 UNIMPLEMENTED":              ErrorStatus([]byte("<html>"), 404),
		"connect 2 UNKNOWN":                     ErrorStatus(nil, 500),
	} {
		if got == nil || got.String() != want {
			t.Errorf("%v, want %s", got, want)
		}
	}
	if Status(nil) != nil || TrailersStatus([]byte("x: 1")) != nil || EndStatus([]byte("x")) != nil {
		t.Error("a status where there is none")
	}
}
