package http1

import "testing"

func TestBeginsSettings(t *testing.T) {
	for _, c := range []struct {
		p         string
		yes, more bool
	}{
		{"", false, false},
		{"\x00", false, true},
		{"\x00\x00\x06\x04\x00\x00\x00\x00", false, true},
		{"\x00\x00\x00\x04\x00\x00\x00\x00\x00", true, false},
		{"\x00\x00\x12\x04\x00\x00\x00\x00\x00and more", true, false},
		{"\x00\x00\x07\x04\x00\x00\x00\x00\x00", false, false}, // not parameters of six octets
		{"\x00\x00\x00\x04\x01\x00\x00\x00\x00", false, false}, // an acknowledgement
		{"\x00\x00\x00\x04\x00\x00\x00\x00\x01", false, false}, // of a stream
		{"\x00\x00\x08\x06\x00\x00\x00\x00\x00", false, false}, // PING
		{"HTTP/1.1 200 OK\r\n", false, false},
	} {
		if yes, more := beginsSettings([]byte(c.p)); yes != c.yes || more != c.more {
			t.Errorf("%q: %v %v", c.p, yes, more)
		}
	}
}
