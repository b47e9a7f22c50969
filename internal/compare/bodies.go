package compare

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/diff"

	"midstream/flow"
	"midstream/internal/coding"
	"midstream/internal/format"
)

const (
	// maxBody bounds a body that is compared in memory, in octets.
	maxBody = 4 << 20
	// maxText bounds a difference that is shown, in octets.
	maxText = 64 << 10
)

// body compares the bodies of one side: as they are where they cannot be decoded.
func (c *comparison) body(side flow.Side) error {
	before := len(c.found)
	err := c.bodies(side, c.Exact)
	if err != nil && !c.Exact {
		c.found = c.found[:before]
		err = c.bodies(side, true)
	}
	return err
}

func (c *comparison) bodies(side flow.Side, raw bool) error {
	a, b := c.a.Bodies[side], c.b.Bodies[side]
	what := side.String() + " body"
	if a == nil || b == nil {
		c.value(what, "", kept(a), kept(b))
		return nil
	}
	x, errA := open(c.a, side, raw)
	y, errB := open(c.b, side, raw)
	if errA != nil || errB != nil {
		return errors.Join(errA, errB)
	}
	defer x.Close()
	defer y.Close()
	p, wholeA, err := start(x)
	if err != nil {
		return fmt.Errorf("the %s: %w", what, err)
	}
	q, wholeB, err := start(y)
	if err != nil {
		return fmt.Errorf("the %s: %w", what, err)
	}
	if wholeA && wholeB {
		c.content(what, c.mediaType(side), p, q)
		return nil
	}
	return c.stream(what, io.MultiReader(bytes.NewReader(p), x), io.MultiReader(bytes.NewReader(q), y))
}

func kept(b format.Body) string {
	if b == nil {
		return "content is missing"
	}
	return fmt.Sprintf("%d bytes", b.Size())
}

// open opens a body, decoded where that is known and raw is not wanted.
func open(it *format.Item, side flow.Side, raw bool) (io.ReadCloser, error) {
	b := it.Bodies[side]
	octets := io.NewSectionReader(b, 0, b.Size())
	m := messageOf(it.Flow, side)
	if raw || m == nil {
		return io.NopCloser(octets), nil
	}
	name := m.Fields.Joined("Content-Encoding")
	if coding.Identity(name) || !coding.Known(name) {
		return io.NopCloser(octets), nil
	}
	return coding.NewDecoder(name, octets)
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

func (c *comparison) mediaType(side flow.Side) string {
	if m := messageOf(c.a.Flow, side); m != nil {
		media, _, _ := strings.Cut(m.Fields.Get("Content-Type"), ";")
		return strings.ToLower(strings.TrimSpace(media))
	}
	return ""
}

// start reads as much as is compared in memory; whole tells that this is all.
func start(r io.Reader) (p []byte, whole bool, err error) {
	p, err = io.ReadAll(io.LimitReader(r, maxBody+1))
	return p, len(p) <= maxBody, err
}

// content compares two whole bodies.
func (c *comparison) content(what, media string, a, b []byte) {
	if bytes.Equal(a, b) {
		return
	}
	if !c.Exact && (media == "application/json" || strings.HasSuffix(media, "+json") || media == "") {
		if list, ok := jsonDifferences(a, b); ok {
			for _, d := range list {
				d.What = what
				c.add(d)
			}
			return
		}
	}
	if utf8.Valid(a) && utf8.Valid(b) && !bytes.ContainsRune(a, 0) && !bytes.ContainsRune(b, 0) {
		c.add(Difference{What: what, A: sized(a), B: sized(b), Text: unified(string(a), string(b))})
		return
	}
	at := 0
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	c.add(Difference{What: what, Name: fmt.Sprintf("from byte %d on", at), A: sized(a), B: sized(b)})
}

func sized(p []byte) string { return fmt.Sprintf("%d bytes", len(p)) }

// unified is the difference of two texts, cut where it is too long.
func unified(a, b string) string {
	text := string(diff.Diff("A", []byte(a), "B", []byte(b)))
	for range 2 { // its head names files
		if _, rest, ok := strings.Cut(text, "\n"); ok && (strings.HasPrefix(text, "diff ") || strings.HasPrefix(text, "--- ")) {
			text = rest
		}
	}
	if _, rest, ok := strings.Cut(text, "\n"); ok && strings.HasPrefix(text, "+++ ") {
		text = rest
	}
	if len(text) > maxText {
		cut := strings.LastIndexByte(text[:maxText], '\n') + 1
		text = text[:cut] + "... and more\n"
	}
	return text
}

// stream compares bodies as they are read, and tells the first octet that differs.
func (c *comparison) stream(what string, a, b io.Reader) error {
	x, y := bufio.NewReaderSize(a, 64<<10), bufio.NewReaderSize(b, 64<<10)
	for at := int64(0); ; {
		p, errA := x.Peek(1)
		q, errB := y.Peek(1)
		if errA != nil && errA != io.EOF || errB != nil && errB != io.EOF {
			return fmt.Errorf("the %s: %w", what, errors.Join(errA, errB))
		}
		if len(p) == 0 || len(q) == 0 {
			if len(p) != len(q) {
				c.add(Difference{What: what, Name: fmt.Sprintf("from byte %d on", at), A: ends(len(p)), B: ends(len(q))})
			}
			return nil
		}
		n := min(x.Buffered(), y.Buffered())
		p, _ = x.Peek(n)
		q, _ = y.Peek(n)
		if !bytes.Equal(p, q) {
			i := 0
			for p[i] == q[i] {
				i++
			}
			c.add(Difference{What: what, Name: fmt.Sprintf("from byte %d on", at+int64(i)), A: "other bytes", B: "other bytes"})
			return nil
		}
		x.Discard(n)
		y.Discard(n)
		at += int64(n)
	}
}

func ends(more int) string {
	if more > 0 {
		return "goes on"
	}
	return "ends"
}

// messages compares the messages of two WebSockets.
func (c *comparison) messages() error {
	next, stop := iter.Pull2(c.messagesOf(c.a))
	defer stop()
	other, stopOther := iter.Pull2(c.messagesOf(c.b))
	defer stopOther()
	for i := 0; ; i++ {
		a, errA, okA := next()
		b, errB, okB := other()
		if errA != nil || errB != nil {
			return errors.Join(errA, errB)
		}
		if !okA && !okB {
			break
		}
		if a != b {
			c.add(Difference{What: "message", Name: fmt.Sprint(i), A: a, B: b})
			if len(c.found) == maxFound {
				return nil
			}
		}
	}
	if x, y := c.a.Closing, c.b.Closing; x != nil && y != nil {
		c.value("close code", "", fmt.Sprint(x.Code), fmt.Sprint(y.Code))
		c.value("close reason", "", x.Reason, y.Reason)
	}
	return nil
}

// maxMessage bounds what is compared of a message, in octets.
const maxMessage = 1 << 20

func (c *comparison) messagesOf(it *format.Item) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if it.Messages == nil {
			return
		}
		for m, err := range it.Messages {
			if err != nil {
				yield("", err)
				return
			}
			p := make([]byte, min(m.Content.Size(), maxMessage))
			if _, err := m.Content.ReadAt(p, 0); err != nil && err != io.EOF {
				yield("", err)
				return
			}
			who := "server: "
			if m.FromClient {
				who = "client: "
			}
			if !yield(fmt.Sprintf("%s%s", who, p), nil) {
				return
			}
		}
	}
}
