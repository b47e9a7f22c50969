package flowview

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"midstream/flow"
	"midstream/internal/coding"
	"midstream/internal/store"
)

// Range is a range of octets, both ends included, as in an HTTP byte range.
// The zero value is everything.
type Range struct {
	First int64
	Last  int64 // 0 with Open
	Tail  int64 // > 0: the last Tail octets
	Set   bool
	Open  bool // to the end
}

// ParseRange reads "A-B", "A-", or "-N" for the last N octets.
func ParseRange(s string) (Range, error) {
	bad := fmt.Errorf("range %q: give A-B, A- or -N, as numbers of bytes", s)
	a, b, ok := strings.Cut(s, "-")
	if !ok || a == "" && b == "" {
		return Range{}, bad
	}
	if a == "" {
		n, err := strconv.ParseInt(b, 10, 64)
		if err != nil || n <= 0 {
			return Range{}, bad
		}
		return Range{Tail: n, Set: true}, nil
	}
	first, err := strconv.ParseUint(a, 10, 62)
	if err != nil {
		return Range{}, bad
	}
	if b == "" {
		return Range{First: int64(first), Set: true, Open: true}, nil
	}
	last, err := strconv.ParseUint(b, 10, 62)
	if err != nil || last < first {
		return Range{}, bad
	}
	return Range{First: int64(first), Last: int64(last), Set: true}, nil
}

// A PartialError says that what was written is not all that was sent.
type PartialError struct{ Err error }

func (e *PartialError) Error() string { return e.Err.Error() }
func (e *PartialError) Unwrap() error { return e.Err }

// Octets says which octets of a flow Copy writes.
type Octets struct {
	Number uint64
	Side   flow.Side
	Raw    bool // as recorded, the content coding left on
	Range  Range
	Follow bool // wait for more while the flow lives
}

// Copy writes the octets of a body. It fails with *PartialError when the record
// is not whole, after writing what there is, and with another error when there
// is none.
func Copy(ctx context.Context, w io.Writer, r *store.Reader, o Octets) error {
	f, err := r.Get(ctx, o.Number)
	if err != nil {
		return err
	}
	b, m := &f.ResponseBody, messageOf(f, o.Side)
	if o.Side == flow.ToServer {
		b = &f.RequestBody
	}
	live := f.Live()
	if b.Record == flow.Unrecorded && !(live && o.Follow) {
		switch {
		case b.Disposition == flow.NoBody || b.Sent == 0:
			return nil
		}
		return unrecorded(o.Number, o.Side, b)
	}
	coded := ""
	if m != nil && !o.Raw {
		coded = m.Fields.Joined("Content-Encoding")
	}
	var src io.ReadCloser
	var first int64 // of what is there
	if o.Follow && live {
		var f *store.Follower
		if f, err = r.Follow(ctx, o.Number, o.Side); err == nil {
			src, first = f, f.First()
		}
	} else {
		var body *store.Body
		if body, err = r.Body(ctx, o.Number, o.Side); err == nil {
			if o.Range.Set && coding.Identity(coded) {
				defer body.Close()
				return copyRange(w, body, o.Range, b)
			}
			first = body.First()
			src = &readCloser{io.NewSectionReader(body, first, body.Size()-first), body}
		}
	}
	if err != nil {
		return whole(err, b)
	}
	defer src.Close()
	content := io.Reader(src)
	if !coding.Identity(coded) {
		if first > 0 {
			return fmt.Errorf("%w, and without them its coding (%s) cannot be removed; --raw writes what is left", goneError(0, first), coded)
		}
		d, err := coding.NewDecoder(coded, src)
		if err != nil {
			return fmt.Errorf("decode the %s body of flow %d: %w; --raw writes it as it was recorded", o.Side, o.Number, err)
		}
		defer d.Close()
		content = d
	}
	if o.Range.Set {
		if o.Range.Tail > 0 {
			return errors.New("the last bytes of a body that is decoded or that grows are not known: give A-B or A-, or --raw")
		}
		if err := skip(content, max(0, o.Range.First-first)); err != nil {
			return whole(err, b)
		}
		if !o.Range.Open {
			content = io.LimitReader(content, max(0, o.Range.Last-max(first, o.Range.First)+1))
		}
	}
	_, err = io.CopyBuffer(onlyWriter{w}, content, make([]byte, 64<<10))
	if o.Follow && live && err == nil {
		if f, err := r.Get(ctx, o.Number); err == nil {
			b = &f.ResponseBody
			if o.Side == flow.ToServer {
				b = &f.RequestBody
			}
		}
		if b.Removed > first && b.Ended && b.Removed+b.Recorded >= b.Sent {
			// More was removed behind what was written already.
			if first > 0 {
				return &PartialError{goneError(0, first)}
			}
			return nil
		}
	}
	return whole(err, b)
}

func messageOf(f *flow.Flow, side flow.Side) *flow.Message {
	switch {
	case side == flow.ToServer && f.Request != nil:
		return &f.Request.Message
	case side == flow.ToClient && f.Response != nil:
		return &f.Response.Message
	}
	return nil
}

type readCloser struct {
	io.Reader
	io.Closer
}

// onlyWriter hides ReadFrom, so that the buffer of CopyBuffer is used.
type onlyWriter struct{ io.Writer }

// copyRange writes what is there of a range. A range of which nothing is
// missing is no partial one, however little there is of the rest.
func copyRange(w io.Writer, body *store.Body, r Range, b *flow.Body) error {
	first, end := r.First, body.Size()
	switch {
	case r.Tail > 0:
		first = max(0, body.Size()-r.Tail)
	case !r.Open && r.Last < math.MaxInt64:
		end = min(end, r.Last+1)
	}
	if first >= body.Size() {
		return whole(fmt.Errorf("the range begins behind the end: the record has bytes up to %d", body.Size()-1), b)
	}
	from := min(max(first, body.First()), end)
	if _, err := io.CopyBuffer(onlyWriter{w}, io.NewSectionReader(body, from, end-from), make([]byte, 64<<10)); err != nil {
		return whole(err, b)
	}
	switch {
	case from > first:
		return &PartialError{goneError(first, from)}
	case r.Open || r.Tail > 0 || end <= r.Last:
		if b.Removed > 0 && b.Sent <= body.Size() {
			return nil // it is whole behind what was removed
		}
		return whole(nil, b)
	}
	return nil
}

// goneError says that the octets from first up to end were removed.
func goneError(first, end int64) error {
	return fmt.Errorf("bytes %d-%d of the body were %w", first, end-1, store.ErrEvicted)
}

func skip(r io.Reader, n int64) error {
	_, err := io.CopyN(io.Discard, r, n)
	if errors.Is(err, io.EOF) {
		return errors.New("the range begins behind the end of the body")
	}
	return err
}

// whole turns what is known of a record that was written out into an error.
func whole(err error, b *flow.Body) error {
	var partial bool
	for _, e := range []error{store.ErrEvicted, store.ErrDamaged, store.ErrInterrupted} {
		partial = partial || errors.Is(err, e)
	}
	switch {
	case partial:
		return &PartialError{err}
	case err == nil && b.Removed > 0:
		err := goneError(0, b.Removed)
		if end := b.Removed + b.Recorded; b.Record == flow.Cut && end < b.Sent {
			err = fmt.Errorf("%w; the record is cut after %d of %d bytes: %s", err, end, b.Sent, b.CutReason)
		}
		return &PartialError{err}
	case err != nil && b.Record == flow.Cut:
		return &PartialError{fmt.Errorf("the record is cut after %d of %d bytes: %s (%w)", b.Removed+b.Recorded, b.Sent, b.CutReason, err)}
	case err != nil:
		return err
	case b.Record == flow.Cut:
		return &PartialError{fmt.Errorf("the record is cut after %d of %d bytes: %s", b.Recorded, b.Sent, b.CutReason)}
	}
	return nil
}
