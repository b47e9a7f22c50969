package code

import (
	"bufio"
	"fmt"
	"io"

	"midstream/internal/format"
)

// Options say how requests are written. The zero value is right for most.
type Options struct {
	// OriginalIP sends the request to the address that answered it, where the tool
	// can: curl, python and go.
	OriginalIP bool
	// Bodies makes the file for a request body that is too large for a line or a
	// program, and returns the name that the tool is to read it by. nil refuses
	// such bodies.
	Bodies func(number uint64) (name string, file io.WriteCloser, err error)
	// Literal is up to how many octets a body stands in the line or program itself; 0
	// is 1 MiB, which is the most.
	Literal int64
}

// Unfit says that one flow cannot be written as the kind that is asked for.
type Unfit struct{ Reason string }

func (u *Unfit) Error() string { return u.Reason }

func unfit(text string, args ...any) error { return &Unfit{fmt.Sprintf(text, args...)} }

// Writer writes flows as code. Close must be called.
type Writer struct {
	out     *bufio.Writer
	kind    Kind
	o       Options
	count   int // flows written
	secrets []string
}

// NewWriter makes a Writer that writes to w.
func NewWriter(w io.Writer, kind Kind, o Options) *Writer {
	return &Writer{out: bufio.NewWriterSize(w, 32<<10), kind: kind, o: o}
}

// Write writes one flow, and tells what the kind has no place for. It fails with
// *Unfit where the flow cannot be written at all; others can follow.
func (w *Writer) Write(it *format.Item) (lost []string, err error) {
	if w.kind == Raw || w.kind == RawRequest || w.kind == RawResponse {
		return nil, w.raw(it)
	}
	r, err := plan(it, w.o)
	if err != nil {
		return nil, err
	}
	switch w.kind {
	case Curl:
		err = w.curl(r)
	case HTTPie:
		err = w.httpie(r)
	case Python:
		err = w.python(r)
	case Fetch:
		err = w.fetch(r)
	case Go:
		err = w.golang(r)
	default:
		return nil, fmt.Errorf("%q is no kind of export", w.kind)
	}
	if err != nil {
		return nil, err
	}
	w.secret(r.secrets()...)
	w.count++
	return r.lost, nil
}

// Secrets are the names of what was written that lets others in: fields, and
// keys of a query.
func (w *Writer) Secrets() []string { return w.secrets }

// Close ends what was begun. It does not close what it writes to.
func (w *Writer) Close() error {
	if w.kind == Go && w.count > 0 {
		w.out.WriteString("}\n" + goSend)
	}
	return w.out.Flush()
}

func (w *Writer) secret(names ...string) {
	for _, n := range names {
		w.secrets = appendOnce(w.secrets, n)
	}
}
