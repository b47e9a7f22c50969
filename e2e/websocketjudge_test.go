package e2e

import (
	"bytes"
	"compress/flate"
	big "encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"unicode/utf8"

	"midstream/internal/ws"
)

// A judge is an end of a WebSocket connection that does what RFC 6455 and RFC
// 7692 ask for, at the first octet that tells: it echoes messages, answers pings
// and the close frame, and fails the connection with the right code.
type judge struct {
	e       *wsEnd
	in      io.Reader // what comes, into raw as well
	raw     bytes.Buffer
	deflate deflates

	open       bool
	text       bool
	compressed bool
	payload    []byte
	check      ws.UTF8
}

// deflates is permessage-deflate of both directions, as the judge sees them.
type deflates struct {
	on      bool
	in, out squeezer
}

// run judges until the other end has nothing more to say, and returns all that
// came of it.
func (j *judge) run() []byte {
	j.in = io.TeeReader(j.e.in, &j.raw)
	if end := j.converse(); end != nil {
		j.e.conn.Write(j.e.frame(0x88, string(end)))
	}
	closeWrite(j.e.conn)
	io.Copy(io.Discard, j.in)
	return j.raw.Bytes()
}

func closeWrite(c net.Conn) {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
}

func closing(code uint16) []byte { return big.BigEndian.AppendUint16(nil, code) }

var errGone = errors.New("gone")

// converse returns the payload of the close frame to send; nil for none.
func (j *judge) converse() []byte {
	for {
		h, err := j.head()
		if err == errGone {
			return nil
		}
		if err != nil || !j.allowed(h) {
			return closing(1002)
		}
		if h.Opcode.Control() {
			p := make([]byte, h.Length)
			if _, err := io.ReadFull(j.in, p); err != nil {
				return nil
			}
			ws.Cipher(p, h.Mask, 0)
			switch h.Opcode {
			case ws.Ping:
				j.e.conn.Write(j.e.frame(0x8a, string(p)))
			case ws.Close:
				return answerClose(p)
			}
			continue
		}
		if end, gone := j.data(h); gone || end != nil {
			return end
		}
	}
}

func (j *judge) head() (ws.Header, error) {
	var raw []byte
	for {
		var b [1]byte
		if _, err := io.ReadFull(j.in, b[:]); err != nil {
			return ws.Header{}, errGone
		}
		raw = append(raw, b[0])
		if h, n, err := ws.ParseHeader(raw); err != nil || n > 0 {
			return h, err
		}
	}
}

func (j *judge) allowed(h ws.Header) bool {
	data := h.Opcode == ws.Text || h.Opcode == ws.Binary
	switch {
	case h.Masked == j.e.mask, h.RSV&^ws.RSV1 != 0, h.RSV != 0 && !(j.deflate.on && data):
		return false
	case h.Opcode.Control():
		return h.Opcode <= ws.Pong && h.Fin && h.Length <= 125
	case data:
		return !j.open
	}
	return h.Opcode == ws.Continuation && j.open
}

// data reads a frame of a message, piece by piece as it comes.
func (j *judge) data(h ws.Header) (end []byte, gone bool) {
	if h.Opcode != ws.Continuation {
		j.open, j.text, j.compressed, j.payload, j.check = true, h.Opcode == ws.Text, h.RSV != 0, nil, ws.UTF8{}
	}
	buf := make([]byte, 64<<10)
	for at := int64(0); at < h.Length; {
		n, err := j.in.Read(buf[:min(int64(len(buf)), h.Length-at)])
		if err != nil {
			return nil, true
		}
		ws.Cipher(buf[:n], h.Mask, at)
		at += int64(n)
		j.payload = append(j.payload, buf[:n]...)
		if j.text && !j.compressed && !j.check.Write(buf[:n]) {
			return closing(1007), false
		}
	}
	if !h.Fin {
		return nil, false
	}
	j.open = false
	first := byte(0x82)
	if j.compressed {
		var err error
		if j.payload, err = j.deflate.in.inflate(j.payload); err != nil {
			return closing(1007), false
		}
	}
	if j.text {
		first = 0x81
		if !utf8.Valid(j.payload) {
			return closing(1007), false
		}
	}
	if j.deflate.on {
		first |= 0x40
		j.payload = j.deflate.out.deflate(j.payload)
	}
	_, err := j.e.conn.Write(j.e.frame(first, string(j.payload)))
	return nil, err != nil
}

// answerClose is what RFC 6455 sections 5.5.1 and 7.4 ask for.
func answerClose(p []byte) []byte {
	if len(p) == 0 {
		return []byte{}
	}
	if len(p) == 1 {
		return closing(1002)
	}
	switch code := big.BigEndian.Uint16(p); {
	case code >= 3000 && code < 5000, code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006:
	default:
		return closing(1002)
	}
	if !utf8.Valid(p[2:]) {
		return closing(1007)
	}
	return p[:2]
}

// A squeezer compresses or inflates the messages of one direction (RFC 7692).
type squeezer struct {
	fresh bool // no context takeover
	bits  int  // of the window; 0 is 15
	z     *flate.Writer
	flat  *flate.Writer // refers to nothing
	buf   bytes.Buffer
	seen  []byte // the window of what is inflated
}

// deflate compresses a message. Where the window is small, no piece refers to
// what is outside itself.
func (s *squeezer) deflate(p []byte) []byte {
	s.buf.Reset()
	piece := len(p)
	small := s.bits > 0 && s.bits < 15
	if small {
		piece = 1 << s.bits
	}
	if small && len(p) > 4*piece {
		// A window begun anew for each of many pieces takes long.
		if s.flat == nil {
			s.flat, _ = flate.NewWriter(&s.buf, flate.HuffmanOnly)
		}
		s.flat.Reset(&s.buf)
		s.flat.Write(p)
		s.flat.Flush()
		return bytes.TrimSuffix(s.buf.Bytes(), []byte{0, 0, 0xff, 0xff})
	}
	if s.z == nil {
		s.z, _ = flate.NewWriter(&s.buf, 6)
	} else if s.fresh {
		s.z.Reset(&s.buf)
	}
	for first := true; first || len(p) > 0; first = false {
		n := min(piece, len(p))
		if !first || small {
			s.z.Reset(&s.buf)
		}
		s.z.Write(p[:n])
		s.z.Flush()
		p = p[n:]
	}
	return bytes.TrimSuffix(s.buf.Bytes(), []byte{0, 0, 0xff, 0xff})
}

// inflate is the reverse, of any message.
func (s *squeezer) inflate(p []byte) ([]byte, error) {
	in := io.MultiReader(bytes.NewReader(p), bytes.NewReader([]byte{0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff}))
	out, err := io.ReadAll(flate.NewReaderDict(in, s.seen))
	if !s.fresh {
		all := append(s.seen, out...)
		s.seen = all[max(0, len(all)-32<<10):]
	}
	return out, err
}

// A speaker sends what a vector has, and keeps what comes.
type speaker struct {
	e    *wsEnd
	mu   sync.Mutex
	more *sync.Cond
	raw  []byte
	gone bool
}

// run sends the steps and returns all that came until the other end had nothing
// more to say.
func (s *speaker) run(steps []step) []byte {
	s.more = sync.NewCond(&s.mu)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for buf := make([]byte, 64<<10); ; {
			n, err := s.e.in.Read(buf)
			s.mu.Lock()
			s.raw = append(s.raw, buf[:n]...)
			s.gone = err != nil
			s.more.Broadcast()
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	for _, st := range steps {
		if len(st.send) > 0 {
			s.e.conn.Write(st.send)
		}
		if st.half {
			closeWrite(s.e.conn)
		}
		s.mu.Lock()
		for !s.gone && frameCount(s.raw) < st.await {
			s.more.Wait()
		}
		s.mu.Unlock()
	}
	<-done
	return s.raw
}

// frameCount is how many whole frames there are.
func frameCount(p []byte) (count int) {
	for {
		h, n, err := ws.ParseHeader(p)
		if n == 0 || err != nil || int64(len(p)-n) < h.Length {
			return count
		}
		p = p[n+int(h.Length):]
		count++
	}
}
