package pyhost

import (
	"encoding/json"
	"strings"
	"testing"

	"midstream/flow"
	"midstream/hook"
)

// FuzzAnswer does to a flow whatever an answer of a process says: it is taken, or it is
// an error, and no head that comes of it has a line end in it.
func FuzzAnswer(f *testing.F) {
	for _, head := range []string{
		`{"k":"ret","c":1}`, `{"q":["POST","https","h.test",443,"h.test","/x?y","HTTP/1.1",3,-1],"qb":2}`, `{"q":["G\nT","http","h",80,"","/ x","HTTP/1.1",0,-1]}`,
		`{"s":[200,"OK","HTTP/1.1",3,0],"sb":1,"sn":1}`, `{"s":[-1,"a\r\nb","HTTP/9",1,1],"sn":1}`, `{"s0":1}`, `{"st":{"q":3,"s":7}}`, `{"mk":":x:","co":"c","md":{"a":1,"b":null}}`,
		`{"kill":1}`, `{"via":["http","p.test",8080]}`, `{"via":null}`, `{"via":7}`, `{"addr":["h",70000]}`, `{"addr":[1]}`, `{"sni":"x"}`, `{"drop":1,"mb":2}`, `{"inj":[[true,false,3]]}`,
	} {
		f.Add([]byte(head), []byte("A\nb\nc"), uint8(1))
	}
	events := []string{"requestheaders", "request", "responseheaders", "response", "error", "websocket_message", "http_connect"}
	f.Fuzz(func(t *testing.T, head, raw []byte, which uint8) {
		var m message
		if json.Unmarshal(head, &m) != nil {
			return
		}
		x, _ := hook.NewExchange(flow.Request{Message: flow.Message{Version: flow.HTTP11}, Method: "GET"}, &flow.Conn{ID: flow.NewID()}, nil, func() {})
		if err := x.Request.SetURL("http://a.test/"); err != nil {
			t.Fatal(err)
		}
		h := NewHost(Config{Dir: t.TempDir()})
		defer h.Close()
		p := &picture{p: &process{v: &version{host: h, path: "x.py"}}, x: x, id: x.ID.String()}
		p.request = *x.Request.Request.Clone()
		a := &addon{v: p.p.v}
		if address, err := a.address(&m.ret); err == nil && !strings.Contains(address, ":") {
			t.Fatalf("the address %q", address)
		}
		if err := p.apply(&m.ret, raw, events[int(which)%len(events)]); err != nil {
			return
		}
		r := x.Request
		text := []string{r.Method, r.Path, r.Authority, r.Host, r.Scheme}
		for _, fd := range r.Fields {
			text = append(text, fd.Name, fd.Value)
		}
		if x.Response != nil {
			text = append(text, x.Response.Reason)
			for _, fd := range x.Response.Fields {
				text = append(text, fd.Name, fd.Value)
			}
		}
		for _, s := range text {
			if strings.ContainsAny(s, "\r\n\x00") {
				t.Fatalf("a line end in %q", s)
			}
		}
	})
}
