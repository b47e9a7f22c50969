package view

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"midstream/internal/coding"
)

const (
	// startSize is how much of a content decides how it is shown.
	startSize = 16 << 10
	// maxKept is how much of a body is kept until its coding has shown to be right.
	maxKept = 1 << 20
)

// errCut is what a view returns at the bound of what is looked at.
var errCut = errors.New("the view ends here")

// source is a content that is read as far as the bounds allow.
type source struct {
	in    *Input
	r     *bufio.Reader // the content
	raw   *limited
	limit []*limited // one a layer
	dec   []io.Closer
	notes []string
	// coded tells that what is read is not the octets of Body.
	coded bool
	kept  []byte // what all has read
	trunc bool
	bound int64
	bad   error // of decoding
}

// limited is a reader that ends after a number of octets, and when ctx does.
type limited struct {
	ctx  context.Context
	r    io.Reader
	left int64
	hit  bool
	err  error
}

func (l *limited) Read(p []byte) (int, error) {
	if err := l.ctx.Err(); err != nil {
		l.err = context.Cause(l.ctx)
		return 0, l.err
	}
	if l.left <= 0 {
		// Whether there is more is only known by asking.
		var one [1]byte
		if n, err := l.r.Read(one[:]); n == 0 && err != nil {
			return 0, err
		}
		l.hit = true
		return 0, io.EOF
	}
	n, err := l.r.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	if err != nil && err != io.EOF {
		l.err = err
	}
	return n, err
}

// keeper keeps what was read, until it is told not to.
type keeper struct {
	r    io.Reader
	kept []byte
	off  bool
}

func (k *keeper) Read(p []byte) (int, error) {
	n, err := k.r.Read(p)
	if !k.off {
		k.kept = append(k.kept, p[:n]...)
		k.off = len(k.kept) > maxKept
	}
	return n, err
}

func open(ctx context.Context, in *Input) *source {
	s := &source{in: in}
	body := in.Body
	if body == nil {
		body = bytes.NewReader(nil)
	}
	s.bound = cmp.Or(in.Limit, maxRead)
	s.raw = &limited{ctx: ctx, r: body, left: s.bound}
	names := in.Fields.Joined("Content-Encoding")
	if coding.Identity(names) {
		s.r = bufio.NewReaderSize(s.raw, startSize)
		return s
	}
	s.coded = true
	k := &keeper{r: s.raw}
	content, err := s.decode(ctx, names, k)
	if err == nil {
		s.r = bufio.NewReaderSize(content, startSize)
		if _, err = s.r.Peek(1); err == nil || err == io.EOF {
			k.off, k.kept = true, nil
			return s
		}
	}
	if s.raw.err != nil {
		s.r = bufio.NewReader(bytes.NewReader(nil))
		return s
	}
	s.note("its coding %q cannot be removed, shown as it was sent: %v", names, err)
	s.shut()
	s.r = bufio.NewReaderSize(io.MultiReader(bytes.NewReader(k.kept), s.raw), startSize)
	return s
}

// decode puts one decoder on the other, each with a bound of its own: in a stack
// of codings what lies between them may be large where the content is not.
func (s *source) decode(ctx context.Context, names string, r io.Reader) (io.Reader, error) {
	all := strings.Split(names, ",")
	if len(all) > 8 {
		return nil, errors.New("more than 8 codings")
	}
	for i := len(all) - 1; i >= 0; i-- {
		name := strings.TrimSpace(all[i])
		if coding.Identity(name) {
			continue
		}
		d, err := coding.NewDecoder(name, r)
		if err != nil {
			return nil, err
		}
		s.dec = append(s.dec, d)
		l := &limited{ctx: ctx, r: d, left: s.bound}
		s.limit = append(s.limit, l)
		r = l
	}
	return r, nil
}

func (s *source) shut() {
	for _, d := range s.dec {
		d.Close()
	}
	s.dec, s.limit = nil, nil
}

func (s *source) close() { s.shut() }

// failed is why the body itself could not be read.
func (s *source) failed() error { return s.raw.err }

func (s *source) note(format string, args ...any) {
	if len(s.notes) < 16 {
		s.notes = append(s.notes, fmt.Sprintf(format, args...))
	}
}

// last notes what ended the content before its own end.
func (s *source) last() {
	hit := s.raw.hit || s.trunc
	for _, l := range s.limit {
		hit = hit || l.hit
		if l.err != nil && s.raw.err == nil && s.bad == nil {
			s.bad = l.err
			s.note("the content ends here: %v", l.err)
		}
	}
	if hit {
		bound := s.bound
		if s.trunc {
			bound = maxWhole
		}
		s.note("only the first %d MiB are shown", bound>>20)
	}
}

// start is the first octets of the content.
func (s *source) start() []byte {
	p, _ := s.r.Peek(startSize)
	return p
}

// all is the content in one piece, as far as maxWhole.
func (s *source) all() []byte {
	s.kept, _ = io.ReadAll(io.LimitReader(s.r, maxWhole+1)) // what ends it is said by last
	if len(s.kept) > maxWhole {
		s.trunc = true
		s.r = bufio.NewReaderSize(io.MultiReader(bytes.NewReader(s.kept[maxWhole:]), s.r), startSize)
		s.kept = s.kept[:maxWhole]
	}
	return s.kept
}

// again puts back what all has read, and tells whether nothing else was.
func (s *source) again() bool {
	if s.kept == nil {
		return false
	}
	s.r = bufio.NewReaderSize(io.MultiReader(bytes.NewReader(s.kept), s.r), startSize)
	s.kept, s.trunc = nil, false
	return true
}

// asUTF8 makes the content UTF-8 where a mark at its start or the type says that
// it is something else. plain tells that it was, and is as it came.
func (s *source) asUTF8() (plain bool) {
	start := s.start()
	charset := strings.ToLower(s.in.Fields.Joined("Content-Type"))
	_, charset, named := strings.Cut(charset, "charset=")
	charset = strings.Trim(charset, `"' `)
	wide := bytes.HasPrefix(start, []byte("\xff\xfe")) || bytes.HasPrefix(start, []byte("\xfe\xff"))
	if !wide && (!named || strings.HasPrefix(charset, "utf-8") || strings.HasPrefix(charset, "utf8") || strings.HasPrefix(charset, "us-ascii")) {
		if bytes.HasPrefix(start, []byte("\xef\xbb\xbf")) {
			_, _ = s.r.Discard(3) // they were peeked
			return false
		}
		return true
	}
	text := coding.DecodeTextLossy(s.in.Fields.Joined("Content-Type"), s.all())
	s.kept = nil
	s.r = bufio.NewReaderSize(strings.NewReader(text), startSize)
	return false
}

// skip passes over octets of the content, and tells whether they were there.
func (s *source) skip(n int64) bool {
	if seeker, ok := s.in.Body.(io.Seeker); ok && !s.coded && n > maxKept {
		end, err := seeker.Seek(0, io.SeekEnd)
		if err == nil && n <= end {
			if _, err = seeker.Seek(n, io.SeekStart); err == nil {
				s.raw.left = s.bound
				s.r.Reset(s.raw)
				return true
			}
		}
		if err != nil {
			s.raw.err = err
		}
		return false
	}
	got, _ := io.CopyN(io.Discard, s.r, n)
	return got == n
}
