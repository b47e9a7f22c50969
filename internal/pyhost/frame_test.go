package pyhost

import (
	"bytes"
	"encoding/json"
	"testing"
)

func FuzzFrame(f *testing.F) {
	for _, head := range []string{`{"k":"ret","c":1}`, `{"k":"ret","c":2,"q":["GET","http","h",80,"","/","HTTP/1.1",4,-1]}`, `{"k":"rpc","r":1,"m":"body"}`, `{"k":"ret","p":[1,-2]}`} {
		p, err := appendFrame(nil, []byte(head), []byte("a\nb"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(p)
	}
	f.Add([]byte("\xff\xff\xff\xff\x00\x00\x00\x00"))
	f.Add([]byte("\x00\x00\x00\x04\x00\x00\x00\x05"))
	f.Fuzz(func(t *testing.T, p []byte) {
		head, raw, err := readFrame(bytes.NewReader(p))
		if err != nil {
			return
		}
		again, err := appendFrame(nil, head, raw)
		if err != nil || !bytes.HasPrefix(p, again) {
			t.Fatalf("%q does not come back: %q", p, again)
		}
		var m message
		if json.Unmarshal(head, &m) != nil {
			return
		}
		o := octetsOf{left: raw}
		for _, n := range m.Pieces {
			o.take(n)
		}
		if fields, err := fieldsOf(raw, nil); err == nil {
			for _, f := range fields {
				if f.Name == "" {
					t.Fatal("an empty name")
				}
			}
		}
	})
}

func TestOctetsComeThroughJSON(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	var s string
	if err := json.Unmarshal(appendOctets(nil, string(all)), &s); err != nil {
		t.Fatal(err)
	}
	if octets(s) != string(all) {
		t.Errorf("%q", octets(s))
	}
}
