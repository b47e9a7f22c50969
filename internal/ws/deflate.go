package ws

import (
	"bytes"
	"compress/flate"
)

// Deflater compresses messages, each by itself: that is right whether or not a
// receiver keeps its window. The zero value is ready.
type Deflater struct {
	buf bytes.Buffer
	z   *flate.Writer
}

// Message compresses a message for a receiver with what was agreed on in d, and
// tells whether it did: one that is longer than the receiver's window is sent as
// it is. The result is valid until the next call.
func (f *Deflater) Message(d Deflate, payload []byte) ([]byte, bool) {
	bits := d.Bits
	if bits == 0 {
		bits = 15
	}
	if !d.On || len(payload) > 1<<bits {
		return payload, false
	}
	f.buf.Reset()
	if f.z == nil {
		f.z, _ = flate.NewWriter(&f.buf, flate.DefaultCompression) // fails for other levels only
	} else {
		f.z.Reset(&f.buf)
	}
	f.z.Write(payload)
	f.z.Flush()
	return bytes.TrimSuffix(f.buf.Bytes(), tail), true
}
