package pattern

import (
	"errors"
	"io"
)

const (
	// window is how much of a stream is kept to be matched at once.
	window = 1 << 20
	// overlap is how much of a window is seen again in the next one by a
	// pattern that only the backtracking matcher can run.
	overlap = 64 << 10
	// firstRead is what is asked for first: most streams are short.
	firstRead = 4 << 10
)

// Search tells whether the pattern matches anywhere in a stream, and reads no
// further than it must. It keeps at most 1 MiB, however long the stream is: a
// pattern that runs in linear time sees all of it; one that backtracks sees a
// stream above 1 MiB in windows, and misses there what matches only with more
// than 64 KiB of text around. A "$" that is not of a line stands, in such a
// stream, for its very end only. An error is that of r.
func (o *Octets) Search(r io.Reader) (bool, error) {
	if o.literal != nil {
		return o.searchLiteral(r)
	}
	buf, err := fill(make([]byte, 0, firstRead), r)
	if err == io.EOF {
		return o.Match(buf), nil
	}
	if err != nil {
		return o.Match(buf), err // what came before it may match already
	}
	if o.p.fast != nil {
		// Octets stand for themselves here: each is one character.
		s := &octetRunes{buf: buf, r: r}
		found := o.p.fast.MatchReader(s)
		return found, s.err
	}
	for {
		if o.Match(buf) {
			return true, nil
		}
		buf = append(buf[:0], buf[len(buf)-overlap:]...)
		kept := len(buf)
		if buf, err = fill(buf, r); err != nil {
			found := len(buf) > kept && o.Match(buf)
			if err == io.EOF {
				err = nil
			}
			return found, err
		}
	}
}

// fill reads until buf has a whole window, or r ends.
func fill(buf []byte, r io.Reader) ([]byte, error) {
	for len(buf) < window {
		if len(buf) == cap(buf) {
			grown := make([]byte, len(buf), min(window, 4*cap(buf)))
			copy(grown, buf)
			buf = grown
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err != nil {
			return buf, err
		}
	}
	return buf, nil
}

// searchLiteral keeps no more than could be the start of a match.
func (o *Octets) searchLiteral(r io.Reader) (bool, error) {
	if len(o.literal) == 0 {
		return true, nil
	}
	size := firstRead
	buf := make([]byte, 0, size+len(o.literal))
	for {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if n > 0 && o.index(buf) >= 0 {
			return true, nil
		}
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		kept := buf[max(0, len(buf)-len(o.literal)+1):]
		if size < overlap && len(buf) == cap(buf) {
			size = overlap
			buf = append(make([]byte, 0, size+len(o.literal)), kept...)
			continue
		}
		buf = append(buf[:0], kept...)
	}
}

// octetRunes gives a stream to a matcher, one character an octet.
type octetRunes struct {
	buf []byte
	at  int
	r   io.Reader
	err error // of r, other than its end
	end bool
}

func (s *octetRunes) ReadRune() (rune, int, error) {
	for s.at == len(s.buf) {
		if s.end {
			return 0, 0, io.EOF
		}
		n, err := s.r.Read(s.buf[:cap(s.buf)])
		s.buf, s.at = s.buf[:n], 0
		if err != nil {
			s.end = true
			if err != io.EOF {
				s.err = err
			}
		}
	}
	c := rune(s.buf[s.at])
	s.at++
	if c >= 0x80 {
		c += private
	}
	return c, 1, nil
}
