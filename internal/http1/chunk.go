package http1

import (
	"strconv"

	"midstream/flow"
)

// chunkDecoder removes the chunked transfer coding (RFC 9112 section 7.1). It
// is fed what has arrived and says which of it is framing and which is data; it
// keeps only trailer lines. Extensions are read over: a proxy that does not know
// them drops them.
//
//	"5;x=y\r\nhello\r\n0\r\n\r\n"
//	 ╰framing╯╰data╯╰ framing ╯
type chunkDecoder struct {
	side     flow.Side
	profile  Profile
	limits   Limits
	state    chunkState
	left     int64 // octets of the chunk that have not been taken
	ext      extension
	digits   int    // of the size that is being read
	line     int    // octets of the line that is being read
	excess   int    // octets of lines beyond 16 a chunk
	trailer  []byte // lines of the trailer section
	lineAt   int    // where the current trailer line starts
	fields   flow.Fields
	findings notes
}

type chunkState uint8

const (
	chunkSize      chunkState = iota // in the size
	chunkPad                         // white space after the size
	chunkExtension                   // after a semicolon
	chunkSizeLF                      // LF has to end the size line
	chunkData
	chunkDataCR // CR has to follow the data
	chunkDataLF // LF has to follow that
	chunkTrailer
	chunkDone
)

// next consumes framing at the start of in, up to data, the end of the body or
// the end of in. It returns how many octets it consumed; d.left data octets
// follow then, if that is more than zero.
func (d *chunkDecoder) next(in []byte) (int, error) {
	for i, c := range in {
		if d.state == chunkData || d.state == chunkDone {
			return i, nil
		}
		if err := d.step(c); err != nil {
			return i, err
		}
	}
	return len(in), nil
}

// took notes that n data octets were taken.
func (d *chunkDecoder) took(n int64) {
	d.left -= n
	if d.left == 0 {
		d.state = chunkDataCR
	}
}

func (d *chunkDecoder) done() bool { return d.state == chunkDone }

func (d *chunkDecoder) step(c byte) error {
	switch d.state {
	case chunkSize:
		return d.size(c)
	case chunkPad:
		if c == ';' {
			d.state, d.ext = chunkExtension, extNameStart
			return d.counted()
		}
		if c == ' ' || c == '\t' {
			return d.counted()
		}
		if err := d.lenient("white space after a chunk size"); err != nil {
			return err
		}
		return d.endOfLine(c)
	case chunkExtension:
		return d.extension(c)
	case chunkSizeLF:
		if c != '\n' {
			return d.refuse("CR without LF after a chunk size")
		}
		return d.sized()
	case chunkDataCR:
		if c == '\r' {
			d.state = chunkDataLF
			return nil
		}
		if c == '\n' {
			d.startLine()
			return d.lenient("LF without CR after a chunk")
		}
		return d.refuse("a chunk is longer than its size says")
	case chunkDataLF:
		if c != '\n' {
			return d.refuse("a chunk is longer than its size says")
		}
		d.startLine()
		return nil
	case chunkTrailer:
		return d.trailerOctet(c)
	}
	return nil
}

func (d *chunkDecoder) startLine() {
	d.state, d.digits, d.line, d.left = chunkSize, 0, 0, 0
}

func (d *chunkDecoder) size(c byte) error {
	if octets[c]&hexOctet != 0 {
		d.digits++
		if d.digits > 16 || d.left>>58 != 0 {
			return d.refuse("a chunk size is too large or has more than 16 digits")
		}
		d.left = d.left<<4 | int64(unhex(c))
		return d.counted()
	}
	if d.digits == 0 {
		return d.refuse("a chunk size that is not hexadecimal: it begins with %s", strconv.QuoteRuneToASCII(rune(c)))
	}
	switch c {
	case ';':
		d.state, d.ext = chunkExtension, extNameStart
		return d.counted()
	case ' ', '\t':
		d.state = chunkPad
		return d.counted()
	}
	return d.endOfLine(c)
}

func (d *chunkDecoder) extension(c byte) error {
	end := c == '\r' || c == '\n'
	if !end && octets[c]&ctlOctet != 0 {
		return d.refuse("a control character in a chunk extension")
	}
	was := d.ext
	if !end {
		d.ext = was.step(c)
	} else if !was.whole() {
		d.ext = extBroken
	}
	if d.ext == extBroken && was != extBroken {
		if err := d.lenient("a chunk extension that is not name or name=value"); err != nil {
			return err
		}
	}
	if end {
		return d.endOfLine(c)
	}
	return d.counted()
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

// counted bounds the line before a chunk, and the sum of all such lines so that
// a body of tiny chunks with long extensions costs its sender more than us.
func (d *chunkDecoder) counted() error {
	if d.line++; d.line > chunkLineLimit {
		return d.tooLarge("a chunk extension is longer than %d octets", chunkLineLimit)
	}
	if d.line > 16 {
		if d.excess++; d.excess > chunkSlack {
			return d.tooLarge("chunk extensions of more than %d octets", chunkSlack)
		}
	}
	return nil
}

func (d *chunkDecoder) endOfLine(c byte) error {
	switch c {
	case '\r':
		d.state = chunkSizeLF
		return nil
	case '\n':
		if err := d.lenient("LF without CR after a chunk size"); err != nil {
			return err
		}
		return d.sized()
	}
	return d.refuse("a chunk size that is not hexadecimal: it goes on with %s", strconv.QuoteRuneToASCII(rune(c)))
}

// sized is called at the end of a size line.
func (d *chunkDecoder) sized() error {
	d.state = chunkData
	if d.left == 0 {
		d.state, d.trailer, d.lineAt = chunkTrailer, d.trailer[:0], 0
	}
	return nil
}

// trailerOctet collects the trailer section (RFC 9112 section 7.1.2).
func (d *chunkDecoder) trailerOctet(c byte) error {
	if c != '\n' {
		if len(d.trailer) >= d.limits.Trailers {
			return d.tooLarge("its trailer section is longer than %d octets", d.limits.Trailers)
		}
		d.trailer = append(d.trailer, c)
		return nil
	}
	line := d.trailer[d.lineAt:]
	d.trailer = append(d.trailer, c)
	d.lineAt = len(d.trailer)
	switch {
	case len(line) == 0:
		if err := d.lenient("LF without CR at its end"); err != nil {
			return err
		}
	case len(line) > 1 || line[0] != '\r':
		return nil
	}
	return d.endOfTrailers()
}

func (d *chunkDecoder) endOfTrailers() error {
	d.state = chunkDone
	if len(d.trailer) <= 2 {
		d.trailer = nil
		return nil
	}
	p := parser{side: d.side, profile: d.profile, limits: d.limits, what: d.side.String() + " trailers", rest: string(d.trailer), crlf: true}
	d.trailer = nil
	fs, err := p.fields()
	for _, f := range p.notes {
		d.findings.add(f.Code, "%s", f.Text)
	}
	if err != nil {
		return inBody(err)
	}
	kept := fs[:0]
	for _, f := range fs {
		// RFC 9110 section 6.5.1: what frames or routes a message means nothing
		// after it, and must not be merged into a head.
		if framingField(f.Name) || flow.EqualFold(f.Name, "Trailer") {
			if d.profile == Strict {
				return d.refuse("%s in the trailer section", f.Name)
			}
			d.findings.add(TrailerDropped, "%s in the trailer section was dropped", f.Name)
			continue
		}
		kept = append(kept, f)
	}
	d.fields = kept
	return nil
}

// lenient lets pass what servers get wrong; in a request it hides another one.
func (d *chunkDecoder) lenient(what string) error {
	if d.side == flow.ToServer || d.profile == Strict {
		return d.refuse("%s", what)
	}
	d.findings.add(ChunkLineOdd, "chunked body: %s", what)
	return nil
}

func (d *chunkDecoder) refuse(format string, args ...any) error {
	return inBody(refuse(d.side, "read chunked "+d.side.String()+" body: "+format, args...))
}

func (d *chunkDecoder) tooLarge(format string, args ...any) error {
	e := refuse(d.side, "read chunked "+d.side.String()+" body: "+format, args...)
	e.Cause = flow.TooLarge
	return inBody(e)
}

// inBody marks an error as one of the body's phase.
func inBody(err error) error {
	if e, ok := err.(*flow.Error); ok {
		e.Phase = flow.InBody
	}
	return err
}

// appendChunkHeader appends the line before a chunk of n octets.
func appendChunkHeader(dst []byte, n int) []byte {
	return append(strconv.AppendInt(dst, int64(n), 16), "\r\n"...)
}

// appendLastChunk appends the end of a chunked body.
func appendLastChunk(dst []byte, trailers flow.Fields) []byte {
	return append(AppendFields(append(dst, "0\r\n"...), trailers), "\r\n"...)
}
