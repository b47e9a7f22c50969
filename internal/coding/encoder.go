package coding

import (
	"fmt"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// Encoder codes what is written to it. Flush makes sure that everything
// written so far can be decoded from what has been put out; Close ends the
// coded data and must be called, also after an error. The Writer below stays
// open.
type Encoder interface {
	io.Writer
	Flush() error
	Close() error
}

// A body that passes is coded for speed, in little memory: the lowest useful
// level and a window of 256 KiB to 1 MiB.
const (
	deflateLevel = flate.BestSpeed
	brotliLevel  = 0
	brotliWindow = 18
	zstdLevel    = zstd.SpeedFastest
	zstdWindow   = 512 << 10
)

// NewEncoder returns an encoder to w for the Content-Encoding value name; an
// unknown one is an *UnknownError.
func NewEncoder(name string, w io.Writer) (Encoder, error) {
	kinds, err := parse(name)
	if err != nil {
		return nil, err
	}
	e := &encoder{out: w}
	for i := len(kinds) - 1; i >= 0; i-- {
		c, err := newCoder(kinds[i], e.out)
		if err != nil {
			e.Close()
			return nil, err
		}
		e.coders = append(e.coders, c)
		e.out = c
	}
	return e, nil
}

type encoder struct {
	out    io.Writer
	coders []coder // outermost coding first
}

func (e *encoder) Write(p []byte) (int, error) { return e.out.Write(p) }

func (e *encoder) Flush() error {
	for i := len(e.coders) - 1; i >= 0; i-- {
		if err := e.coders[i].Flush(); err != nil {
			return err
		}
	}
	return nil
}

func (e *encoder) Close() error {
	var first error
	for i := len(e.coders) - 1; i >= 0; i-- {
		if err := e.coders[i].Close(); err != nil && first == nil {
			first = err
		}
		if e.coders[i].keep != nil {
			e.coders[i].keep()
		}
	}
	e.coders, e.out = nil, closed{}
	return first
}

type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// coder is one coding and what gives its compressor back after Close.
type coder struct {
	Encoder
	keep func()
}

func newCoder(k kind, w io.Writer) (coder, error) {
	switch k {
	case gzipCoding:
		z, ok := gzipWriters.take()
		if !ok {
			var err error
			if z, err = gzip.NewWriterLevel(nil, deflateLevel); err != nil {
				return coder{}, fmt.Errorf("start gzip encoder: %w", err)
			}
		}
		z.Reset(w)
		return coder{z, func() { z.Reset(nil); gzipWriters.put(z) }}, nil
	case deflateCoding:
		z, ok := zlibWriters.take()
		if !ok {
			var err error
			if z, err = zlib.NewWriterLevel(nil, deflateLevel); err != nil {
				return coder{}, fmt.Errorf("start zlib encoder: %w", err)
			}
		}
		z.Reset(w)
		return coder{z, func() { z.Reset(nil); zlibWriters.put(z) }}, nil
	case rawDeflateCoding:
		z, err := flate.NewWriter(w, deflateLevel)
		if err != nil {
			return coder{}, fmt.Errorf("start deflate encoder: %w", err)
		}
		return coder{z, nil}, nil
	case brotliCoding:
		z, ok := brotliWriters.take()
		if !ok {
			z = brotli.NewWriterOptions(nil, brotli.WriterOptions{Quality: brotliLevel, LGWin: brotliWindow})
		}
		z.Reset(w)
		return coder{z, func() { z.Reset(nil); brotliWriters.put(z) }}, nil
	}
	z, ok := zstdWriters.take()
	if !ok {
		var err error
		z, err = zstd.NewWriter(nil,
			zstd.WithEncoderConcurrency(1),
			zstd.WithEncoderLevel(zstdLevel),
			zstd.WithWindowSize(zstdWindow),
			zstd.WithLowerEncoderMem(true),
			zstd.WithZeroFrames(true))
		if err != nil {
			return coder{}, fmt.Errorf("start zstd encoder: %w", err)
		}
	}
	z.Reset(w)
	return coder{z, func() { z.Reset(nil); zstdWriters.put(z) }}, nil
}
