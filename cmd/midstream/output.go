package main

import (
	"fmt"
	"io"
	"sync"
)

// output is stdout. It remembers that something could not be written, so that a
// command that does not look, as those that print help, does not end as if all
// had gone well.
type output struct {
	w io.Writer

	mu  sync.Mutex
	err error
}

// beneath is what w writes to: a program that is started, and whoever asks for a
// terminal, needs the file itself.
func beneath(w io.Writer) io.Writer {
	if o, ok := w.(*output); ok {
		return o.w
	}
	return w
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	if err != nil {
		o.mu.Lock()
		if o.err == nil {
			o.err = err
		}
		o.mu.Unlock()
	}
	return n, err
}

// failed says why not all was written.
func (o *output) failed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		return nil
	}
	return fmt.Errorf("the output is not whole: %w", o.err)
}
