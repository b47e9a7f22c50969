package proxy

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"midstream/flow"
)

// opener is how a client opens its connection and sends its first request.
type opener struct {
	name       string
	settings   []xhttp2.Setting
	widen      uint32
	priorities []xhttp2.PriorityFrame
	stream     uint32
	pseudos    []string
	priority   xhttp2.PriorityParam
	// At the server, where it cannot be the same.
	wantSettings []xhttp2.Setting
	wantWiden    uint32
	wantPriority xhttp2.PriorityParam
}

func prior(stream, on uint32, exclusive bool, weight uint8) xhttp2.PriorityFrame {
	return xhttp2.PriorityFrame{FrameHeader: xhttp2.FrameHeader{StreamID: stream}, PriorityParam: xhttp2.PriorityParam{StreamDep: on, Exclusive: exclusive, Weight: weight}}
}

var openers = []opener{
	{name: "as Chromium", settings: []xhttp2.Setting{{ID: 1, Val: 65536}, {ID: 2, Val: 0}, {ID: 4, Val: 6291456}, {ID: 6, Val: 262144}},
		widen: 15663105, stream: 1, pseudos: []string{"m", "a", "s", "p"}, priority: xhttp2.PriorityParam{Exclusive: true, Weight: 255}},
	{name: "as an old Firefox", settings: []xhttp2.Setting{{ID: 1, Val: 65536}, {ID: 4, Val: 131072}, {ID: 5, Val: 16384}}, widen: 12517377,
		priorities: []xhttp2.PriorityFrame{prior(3, 0, false, 200), prior(5, 0, false, 100), prior(7, 0, false, 0), prior(9, 7, false, 0), prior(11, 3, false, 0), prior(13, 0, false, 240)},
		stream:     15, pseudos: []string{"m", "p", "a", "s"}, priority: xhttp2.PriorityParam{StreamDep: 13, Weight: 41},
		wantSettings: []xhttp2.Setting{{ID: 1, Val: 65536}, {ID: 4, Val: 131072}, {ID: 5, Val: 16384}, {ID: 2, Val: 0}}},
	{name: "with unknown settings, in another order", settings: []xhttp2.Setting{{ID: 0x2a2a, Val: 7}, {ID: 9, Val: 1}, {ID: 4, Val: 2097152}, {ID: 3, Val: 100}, {ID: 2, Val: 0}},
		widen: 10485760, stream: 1, pseudos: []string{"m", "s", "p", "a"}},
	{name: "beyond what is kept", settings: []xhttp2.Setting{{ID: 1, Val: 1 << 30}, {ID: 2, Val: 1}, {ID: 4, Val: 1<<31 - 1}, {ID: 5, Val: 1<<24 - 1}, {ID: 6, Val: 1 << 31}},
		widen: 1 << 30, stream: 1, pseudos: []string{"p", "s", "a", "m"}, priority: xhttp2.PriorityParam{StreamDep: 99, Weight: 7},
		wantSettings: []xhttp2.Setting{{ID: 1, Val: 65536}, {ID: 2, Val: 0}, {ID: 4, Val: 8 << 20}, {ID: 5, Val: 16384}, {ID: 6, Val: 256 << 10}},
		wantWiden:    16<<20 - 65535, wantPriority: xhttp2.PriorityParam{Weight: 7}},
	{name: "with nothing", stream: 1, pseudos: []string{"m", "a", "s", "p"}, wantSettings: []xhttp2.Setting{{ID: 2, Val: 0}}},
}

// What a client sent before its first request, and how it wrote that, is what its
// HTTP/2 server gets, as far as it can be kept; and it stands on the flow.
func TestAServerSeesHowTheClientOpenedItsConnection(t *testing.T) {
	for _, strategy := range []Strategy{Eager, Lazy} {
		for _, o := range openers {
			t.Run(fmt.Sprintf("%s, strategy %d", o.name, strategy), func(t *testing.T) { o.run(t, strategy) })
		}
	}
}

func (o *opener) run(t *testing.T, strategy Strategy) {
	got := make(chan *opener, 1)
	fields := make(chan []hpack.HeaderField, 1)
	port := frameOrigin(t, func(fr *xhttp2.Framer, _ int) {
		seen := &opener{}
		var h *xhttp2.HeadersFrame
		for h == nil {
			f, err := fr.ReadFrame()
			if err != nil {
				return
			}
			switch f := f.(type) {
			case *xhttp2.SettingsFrame:
				for i := range f.NumSettings() {
					seen.settings = append(seen.settings, f.Setting(i))
				}
			case *xhttp2.WindowUpdateFrame:
				seen.widen += f.Increment
			case *xhttp2.PriorityFrame:
				seen.priorities = append(seen.priorities, *f)
			case *xhttp2.HeadersFrame:
				h = f
			}
		}
		seen.stream, seen.priority = h.StreamID, h.Priority
		list, _ := hpack.NewDecoder(65536, nil).DecodeFull(h.HeaderBlockFragment())
		got <- seen
		fields <- list
		fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: h.StreamID, BlockFragment: []byte{0x89}, EndStream: true, EndHeaders: true}) // 204
	})
	r := newRig(t, func(cfg *Config) { cfg.HTTP2, cfg.Strategy = true, strategy })
	p := r.dial()
	p.connect(local(port))
	p = p.mustSecure(&tls.Config{ServerName: "127.0.0.1", NextProtos: []string{h2, http11}})
	p.send("%s", xhttp2.ClientPreface)
	fr := xhttp2.NewFramer(p, p)
	fr.WriteSettings(o.settings...)
	if o.widen > 0 {
		fr.WriteWindowUpdate(0, o.widen)
	}
	for _, f := range o.priorities {
		fr.WritePriority(f.StreamID, f.PriorityParam)
	}
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	values := map[string]string{"m": "GET", "a": local(port), "s": "https", "p": "/x"}
	names := map[string]string{"m": ":method", "a": ":authority", "s": ":scheme", "p": ":path"}
	var want []hpack.HeaderField
	add := func(f hpack.HeaderField) {
		enc.WriteField(f)
		want = append(want, f)
	}
	for _, letter := range o.pseudos {
		add(hpack.HeaderField{Name: names[letter], Value: values[letter]})
	}
	add(hpack.HeaderField{Name: "x-second", Value: "2"})
	add(hpack.HeaderField{Name: "accept", Value: "*/*"})
	add(hpack.HeaderField{Name: "x-token", Value: "secret", Sensitive: true})
	add(hpack.HeaderField{Name: "x-first", Value: "1"})
	add(hpack.HeaderField{Name: "cookie", Value: "a=1", Sensitive: true})
	add(hpack.HeaderField{Name: "cookie", Value: "b=2", Sensitive: true})
	fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: o.stream, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true, Priority: o.priority})
	seen, list := <-got, <-fields
	wantSettings, wantWiden, wantPriority := o.settings, o.widen, o.priority
	if o.wantSettings != nil {
		wantSettings = o.wantSettings
	}
	if o.wantWiden != 0 {
		wantWiden = o.wantWiden
	}
	if o.wantPriority != (xhttp2.PriorityParam{}) {
		wantPriority = o.wantPriority
	}
	if !slices.Equal(seen.settings, wantSettings) || seen.widen != wantWiden || seen.stream != o.stream || seen.priority != wantPriority {
		t.Errorf("the server got %v, %d, stream %d, %+v\nwant %v, %d, stream %d, %+v", seen.settings, seen.widen, seen.stream, seen.priority, wantSettings, wantWiden, o.stream, wantPriority)
	}
	same := func(a, b xhttp2.PriorityFrame) bool {
		return a.StreamID == b.StreamID && a.PriorityParam == b.PriorityParam
	}
	if !slices.EqualFunc(seen.priorities, o.priorities, same) {
		t.Errorf("the server got the priorities %v, want %v", seen.priorities, o.priorities)
	}
	if !slices.Equal(list, want) {
		t.Errorf("the server got the fields\n%v\nwant\n%v", list, want)
	}
	f := r.flows.wait(t, 1)[0]
	kept := f.Client.HTTP2
	if kept == nil {
		t.Fatal("the flow does not know how the client opened its connection")
	}
	sameSetting := func(a flow.Setting, b xhttp2.Setting) bool { return a.ID == uint16(b.ID) && a.Value == b.Val }
	if !slices.EqualFunc(kept.Settings, o.settings, sameSetting) || kept.Window != o.widen || len(kept.Priorities) != len(o.priorities) {
		t.Errorf("the flow has %+v", kept)
	}
	if f.Request.Pseudos != strings.Join(o.pseudos, "") || !f.Request.Fields[2].NeverIndexed || f.Request.Fields[0].NeverIndexed {
		t.Errorf("the flow has %q, %+v", f.Request.Pseudos, f.Request.Fields)
	}
	if p := f.Request.Priority; (p != nil) != (o.priority != xhttp2.PriorityParam{}) || p != nil && (p.DependsOn != o.priority.StreamDep || p.Weight != o.priority.Weight || p.Exclusive != o.priority.Exclusive) {
		t.Errorf("the flow has the priority %+v", p)
	}
}
