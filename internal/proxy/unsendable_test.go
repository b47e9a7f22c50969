package proxy

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"midstream/flow"
	"midstream/hook"
)

// badHead gives every response a field that no head can carry.
type badHead struct{ flow.Field }

func (a badHead) ResponseHeaders(_ context.Context, x *hook.Exchange) error {
	x.Response.Fields = append(x.Response.Fields, a.Field)
	return nil
}

// TestAHeadThatCannotBeSentIsA502 has a hook make one. The client is told, and its
// connection lives.
func TestAHeadThatCannotBeSentIsA502(t *testing.T) {
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "fine") }))
	defer origin.Close()
	for name, field := range map[string]flow.Field{
		"a space in its name":    {Name: "X Odd", Value: "1"},
		"a line in its value":    {Name: "X-Odd", Value: "1\r\nSet-Cookie: a=b"},
		"nothing for its name":   {Name: "", Value: "1"},
		"a colon in its name":    {Name: "X:Odd", Value: "1"},
		"an octet of 0 in there": {Name: "X-Odd", Value: "\x00"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(cfg *Config) { cfg.HTTP2, cfg.Hooks = true, addons(t, badHead{field}) })
			one := r.dial()
			for i := range 2 {
				one.send("GET %s/ HTTP/1.1\r\nHost: a\r\n\r\n", origin.URL)
				status, _, text := one.response()
				if status != 502 || !strings.Contains(text, "send response head") {
					t.Fatalf("HTTP/1: %d %q", status, text)
				}
				f := r.flows.wait(t, i+1)[i]
				if f.Outcome.Kind != flow.Failed || f.Outcome.Answered != 502 {
					t.Fatalf("HTTP/1: %+v", f.Outcome)
				}
			}
			two := r.dial().speak2()
			for i := 2; i < 4; i++ {
				req, _ := http.NewRequest("GET", origin.URL, nil)
				resp, err := two.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				text, err := io.ReadAll(resp.Body)
				if err != nil || resp.StatusCode != 502 || !strings.Contains(string(text), "send response head") {
					t.Fatalf("HTTP/2: %d %q, %v", resp.StatusCode, text, err)
				}
				if f := r.flows.wait(t, i+1)[i]; f.Outcome.Kind != flow.Failed || f.Outcome.Answered != 502 {
					t.Fatalf("HTTP/2: %+v", f.Outcome)
				}
			}
		})
	}
}
