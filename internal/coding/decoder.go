package coding

import (
	"bufio"
	"fmt"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

const (
	// sourceBuffer is what a decoder reads ahead of what it decodes; it reads
	// only when it has nothing left.
	sourceBuffer = 16 << 10
	// maxWindow bounds the window of a zstd frame (RFC 9659: 8 MiB for HTTP).
	// br has windows of 16 MiB at most.
	maxWindow = 8 << 20
)

// NewDecoder returns a reader of the content of r, whose octets are coded as
// the Content-Encoding value name says. Read gives what can be decoded from
// what r has given, and reads r only when there is nothing: a block that the
// sender flushed is readable as soon as r has given it all. No octets decode
// to none. An unknown name is an *UnknownError; errors of r come through.
//
// The caller closes the decoder; that does not close r.
func NewDecoder(name string, r io.Reader) (io.ReadCloser, error) {
	kinds, err := parse(name)
	if err != nil {
		return nil, err
	}
	d := &decoder{out: r}
	for i := len(kinds) - 1; i >= 0; i-- {
		src := bufio.NewReaderSize(d.out, sourceBuffer)
		l := &layer{src: src, kind: kinds[i]}
		d.layers = append(d.layers, l)
		d.out = l
	}
	return d, nil
}

type decoder struct {
	out    io.Reader
	layers []*layer
}

func (d *decoder) Read(p []byte) (int, error) { return d.out.Read(p) }

func (d *decoder) Close() error {
	for _, l := range d.layers {
		l.close()
	}
	return nil
}

// layer takes one coding away. It begins when the first octet is there, so
// that nothing decodes to nothing in every coding.
type layer struct {
	src  *bufio.Reader
	kind kind
	dec  io.Reader
	done func()
	err  error
}

func (l *layer) Read(p []byte) (int, error) {
	if l.err != nil {
		return 0, l.err
	}
	if l.dec == nil {
		if _, err := l.src.Peek(1); err != nil {
			l.err = err
			return 0, err
		}
		if l.err = l.begin(); l.err != nil {
			return 0, l.err
		}
	}
	for range maxEmptyReads {
		n, err := l.dec.Read(p)
		if err != nil {
			l.err = err
		}
		if n > 0 {
			return n, nil
		}
		if err != nil || len(p) == 0 {
			return 0, err
		}
	}
	l.err = io.ErrNoProgress
	return 0, l.err
}

// maxEmptyReads bounds how often a decoder may give nothing before that is an
// error.
const maxEmptyReads = 100

func (l *layer) begin() error {
	switch l.kind {
	case gzipCoding, deflateCoding, rawDeflateCoding:
		l.dec = newInflater(l.src, l.kind)
	case brotliCoding:
		l.dec = brotli.NewReader(l.src)
	case zstdCoding:
		z, err := zstd.NewReader(l.src,
			zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return fmt.Errorf("start zstd decoder: %w", err)
		}
		l.dec, l.done = z, z.Close
	}
	return nil
}

func (l *layer) close() {
	if l.done != nil {
		l.done()
		l.done = nil
	}
	if l.err == nil {
		l.err = io.ErrClosedPipe
	}
}
