package redaction

import "net/url"

// form goes through a body of application/x-www-form-urlencoded and replaces the
// values of parameters that the rules mean.
type form struct {
	h   *hand
	out sink

	name  []byte // as it stands in the body
	long  bool   // it is too long to be one that is meant
	value bool   // past the =
	cut   bool   // the value is replaced
	raw   int
	esc   percents
}

func (f *form) write(p []byte) {
	from := 0
	for i, c := range p {
		switch {
		case f.cut:
			if c != '&' {
				var buf [4]byte
				f.h.one.write(f.esc.next(buf[:0], c))
				f.raw++
				continue
			}
			f.finish()
			from = i
			f.next()
		case c == '&':
			f.next()
		case f.value:
		case c == '=':
			f.value = true
			if !f.long && f.h.r.rules.param(unescapeQuery(string(f.name))) {
				f.out(p[from : i+1])
				from = i + 1
				f.cut, f.raw, f.esc = true, 0, percents{}
				f.h.begin()
			}
		case len(f.name) == 3*4*maxName:
			f.long = true
		default:
			f.name = append(f.name, c)
		}
	}
	if !f.cut && from < len(p) {
		f.out(p[from:])
	}
}

func (f *form) next() { f.name, f.long, f.value, f.cut = f.name[:0], false, false, false }

// finish gives out what stands for a value; an empty one stays.
func (f *form) finish() {
	var buf [4]byte
	f.h.one.write(f.esc.rest(buf[:0]))
	if f.raw > 0 {
		f.out(f.h.put(f.raw))
	}
}

func (f *form) end(bool) {
	if f.cut {
		f.finish()
		f.next()
	}
}

// percents takes percent-encoding away (RFC 3986 section 2.1), and + for a space.
type percents struct {
	held [3]byte
	n    int
}

func (e *percents) next(dst []byte, c byte) []byte {
	switch {
	case e.n == 0 && c == '%':
		e.held[0], e.n = c, 1
		return dst
	case e.n == 0 && c == '+':
		return append(dst, ' ')
	case e.n == 0:
		return append(dst, c)
	}
	e.held[e.n] = c
	if e.n++; e.n < 3 {
		return dst
	}
	e.n = 0
	hi, ok1 := hexDigit(e.held[1])
	lo, ok2 := hexDigit(e.held[2])
	if !ok1 || !ok2 {
		return append(dst, e.held[:]...)
	}
	return append(dst, byte(hi<<4|lo))
}

// rest gives out what was no whole escape.
func (e *percents) rest(dst []byte) []byte {
	dst = append(dst, e.held[:e.n]...)
	e.n = 0
	return dst
}

// unescapeQuery takes percent-encoding away as far as it is right.
func unescapeQuery(s string) string {
	if t, err := url.QueryUnescape(s); err == nil {
		return t
	}
	var e percents
	var out []byte
	for i := range len(s) {
		out = e.next(out, s[i])
	}
	return string(e.rest(out))
}
