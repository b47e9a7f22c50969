package message

import (
	"bytes"
	"testing"
)

// Whatever comes, what is written of it is one message that says the same.
func FuzzCodec(f *testing.F) {
	for _, c := range cases {
		f.Add(uint8(c.kind)-1, []byte(c.in), []byte("data"))
	}
	f.Fuzz(func(t *testing.T, kind uint8, in, data []byte) {
		c := Codec{Kind: Kind(kind%uint8(Multipart)) + 1, Boundary: "b", Coding: "gzip"}
		if c.Kind == SSE || c.Kind == Multipart && bytes.HasSuffix(bytes.TrimRight(data, "\r"), []byte("\n")) {
			return // the line break before a delimiter is not of the part
		}
		s := New(c.Kind, "b", 0)
		s.Write(in)
		s.End()
		for p, ok := s.Next(); ok; p, ok = s.Next() {
			if p.What != Message || p.Part != Whole || p.Unfinished {
				continue
			}
			was, err := c.Read(p.Raw)
			if err != nil {
				continue
			}
			m := was
			m.Data = data
			out, err := c.Append(nil, p.Raw, &m)
			if err != nil {
				continue
			}
			again, err := c.Read(out)
			if err != nil || !bytes.Equal(again.Data, data) || again.Compressed != was.Compressed || again.Trailers != was.Trailers {
				t.Fatalf("%v: %q became %q: %q, %v", c.Kind, p.Raw, out, again.Data, err)
			}
			if _, err := c.Insert(nil, p.Raw, data, false); err != nil {
				t.Fatalf("%v: %q could not be inserted: %v", c.Kind, data, err)
			}
		}
	})
}
