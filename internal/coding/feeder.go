package coding

import (
	"errors"
	"fmt"
	"io"
	"iter"
)

// Feeder runs a reader that takes octets away from what it is given, as a decoder
// does, where octets are pushed instead of read. It is one coroutine: no goroutine
// of its own runs, nothing is queued. It belongs to one goroutine.
type Feeder struct {
	in    []byte
	ended bool
	take  func([]byte)
	err   error
	yield func(struct{}) bool
	next  func() (struct{}, bool)
	stop  func()
}

// errLetGo is what the reader sees when its Feeder is closed.
var errLetGo = errors.New("the octets are not wanted any more")

// NewFeeder returns a Feeder that gives take what the reader of open gives. open
// is given a reader of what is written. The reader must not read from another
// goroutine, and is closed when it is an io.Closer. take must not keep what it is
// given.
func NewFeeder(open func(io.Reader) (io.Reader, error), take func([]byte)) (*Feeder, error) {
	f := &Feeder{take: take}
	r, err := open((*fed)(f))
	if err != nil {
		return nil, err
	}
	f.next, f.stop = iter.Pull(func(yield func(struct{}) bool) {
		f.yield = yield
		defer func() {
			if p := recover(); p != nil {
				f.err = fmt.Errorf("decode: panic: %v", p)
			}
			if c, ok := r.(io.Closer); ok {
				c.Close()
			}
		}()
		buf := make([]byte, sourceBuffer)
		for f.err == nil {
			var n int
			n, f.err = r.Read(buf)
			f.take(buf[:n])
		}
	})
	return f, nil
}

// Write gives the reader p, and take what comes of it. After an error of the
// reader, and after the end that it has found, it does nothing.
func (f *Feeder) Write(p []byte) (int, error) {
	if f.err == nil {
		f.in = p
		f.next()
		f.in = nil
	}
	return len(p), f.Err()
}

// End tells the reader that nothing follows.
func (f *Feeder) End() error {
	if f.err == nil {
		f.ended = true
		f.next()
	}
	f.Close()
	return f.Err()
}

// Err is why the reader has failed, nil for its end.
func (f *Feeder) Err() error {
	if f.err == io.EOF {
		return nil
	}
	return f.err
}

// Close lets go of the reader.
func (f *Feeder) Close() {
	f.stop()
	if f.err == nil {
		f.err = errLetGo
	}
}

// fed is the reader of what is written to a Feeder.
type fed Feeder

func (f *fed) Read(p []byte) (int, error) {
	for len(f.in) == 0 {
		switch {
		case f.ended:
			return 0, io.EOF
		case !f.yield(struct{}{}):
			return 0, errLetGo
		}
	}
	n := copy(p, f.in)
	f.in = f.in[n:]
	return n, nil
}
