package body

import (
	"bytes"
	"fmt"
	"io"

	"midstream/flow"
	"midstream/internal/coding"
)

// Decoded returns the content of src, whose bytes are coded as the
// Content-Encoding value name says: what the sender has flushed can be read at
// once. An unknown name is a *coding.UnknownError; damaged data breaks the body.
// It ends when src has ended, whatever follows the coded data there.
func Decoded(src Reader, name string) (Reader, error) {
	if coding.Identity(name) {
		return src, nil
	}
	d := &decoded{src: src, name: name}
	var err error
	if d.dec, err = coding.NewDecoder(name, plain{src}); err != nil {
		return nil, err
	}
	return d, nil
}

type decoded struct {
	src  Reader
	name string
	dec  io.ReadCloser
	err  error
	next [1]byte // read to see whether there is more
	one  bool    // there was
}

// plain hides the methods of a Reader that codings have no use for.
type plain struct{ r Reader }

func (p plain) Read(b []byte) (int, error) { return p.r.Read(b) }

func (d *decoded) Read(p []byte) (int, error) {
	if d.one && len(p) > 0 {
		p[0], d.one = d.next[0], false
		if len(p) == 1 || d.err != nil {
			return 1, nil
		}
		n, _ := d.read(p[1:]) // nothing of it has to be waited for; an error comes again
		return 1 + n, nil
	}
	return d.read(p)
}

func (d *decoded) read(p []byte) (int, error) {
	for d.err == nil {
		n, err := d.dec.Read(p)
		switch {
		case err == io.EOF:
			d.err = d.rest()
		case err != nil:
			d.err = broken(flow.Malformed, fmt.Errorf("decode %s body: %w", d.name, err))
		}
		if d.err != nil {
			d.dec.Close()
		}
		if n > 0 {
			return n, nil
		}
	}
	return 0, d.err
}

// rest reads away what follows the coded data, up to the end of the body.
func (d *decoded) rest() error {
	var buf [512]byte
	for {
		if _, err := d.src.Read(buf[:]); err != nil {
			return err
		}
	}
}

// Ready implements Reader. What has arrived may be too little to be decoded, so only
// behind the end of it that is certain.
func (d *decoded) Ready() bool { return d.one || d.err != nil || Over(d.src) }

// Over implements Ender.
func (d *decoded) Over() bool {
	if !d.one && d.err == nil && Over(d.src) {
		n, _ := d.read(d.next[:])
		d.one = n > 0
	}
	return !d.one && d.err == io.EOF
}

func (d *decoded) Trailers() flow.Fields { return d.src.Trailers() }
func (d *decoded) Cancel(cause error)    { d.src.Cancel(cause) }

// Encoded returns src coded as the Content-Encoding value name says. Each piece
// is flushed unless another one is Ready, so that it can be decoded as soon as
// it has arrived; a body without bytes stays without. An unknown name is a
// *coding.UnknownError.
func Encoded(src Reader, name string) (Reader, error) {
	if coding.Identity(name) {
		return src, nil
	}
	if !coding.Known(name) {
		_, err := coding.NewEncoder(name, io.Discard)
		return nil, err
	}
	return &encoded{src: src, name: name}, nil
}

type encoded struct {
	src  Reader
	name string
	enc  coding.Encoder // made with the first piece
	in   []byte
	out  bytes.Buffer
	err  error
}

func (e *encoded) Read(p []byte) (int, error) {
	for e.out.Len() == 0 {
		if e.err != nil {
			return 0, e.err
		}
		e.err = e.step()
	}
	return e.out.Read(p)
}

// step codes one piece, or the end.
func (e *encoded) step() error {
	if e.in == nil {
		e.in = make([]byte, PieceSize)
	}
	n, err := e.src.Read(e.in)
	if n > 0 {
		if e.enc == nil {
			enc, err := coding.NewEncoder(e.name, &e.out)
			if err != nil {
				return broken(flow.Unspecified, err)
			}
			e.enc = enc
		}
		if _, err := e.enc.Write(e.in[:n]); err != nil {
			return e.fail(err)
		}
		if !e.src.Ready() {
			if err := e.enc.Flush(); err != nil {
				return e.fail(err)
			}
		}
	}
	if err != nil && e.enc != nil {
		return e.finish(err)
	}
	return err
}

// finish ends the coded data of a body that ended with err. A broken one keeps
// what has come, without what would make it look complete.
func (e *encoded) finish(err error) error {
	if err == io.EOF {
		if cerr := e.enc.Close(); cerr != nil {
			return e.fail(cerr)
		}
		return io.EOF
	}
	e.enc.Flush()
	n := e.out.Len()
	e.enc.Close()
	e.out.Truncate(n)
	return err
}

func (e *encoded) fail(err error) error {
	return broken(flow.Unspecified, fmt.Errorf("encode %s body: %w", e.name, err))
}

func (e *encoded) Ready() bool { return e.out.Len() > 0 || e.err != nil || Over(e.src) }

// Over implements Ender.
func (e *encoded) Over() bool {
	for e.out.Len() == 0 && e.err == nil && Over(e.src) {
		e.err = e.step()
	}
	return e.out.Len() == 0 && e.err == io.EOF
}

func (e *encoded) Trailers() flow.Fields { return e.src.Trailers() }
func (e *encoded) Cancel(cause error)    { e.src.Cancel(cause) }
