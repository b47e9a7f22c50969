package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"midstream/flow"
	"midstream/internal/coding"
	"midstream/internal/flowview"
	"midstream/internal/store"
)

// maxDecodedRange is how much of a decoded body is given out for one range, in
// octets: it is put together before the head is sent.
const maxDecodedRange = 4 << 20

// sandbox keeps what is shown of a body from having an origin, scripts or a
// network.
const sandbox = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:; frame-ancestors 'self'"

// bodyWish is what is asked of a body.
type bodyWish struct {
	number      uint64
	side        flow.Side
	raw, follow bool
	span        flowview.Range
	coded       string // content coding, "" for none or where it stays
	body        *flow.Body
}

// getBody is GET /flows/{id}/{side}/body.
func (s *Server) getBody(w http.ResponseWriter, r *http.Request) error {
	side, err := sideOf(r)
	if err != nil {
		return err
	}
	n, err := s.flowNumber(r)
	if err != nil {
		return err
	}
	f, err := s.reader.Get(r.Context(), n)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	b := bodyWish{number: n, side: side, follow: q.Get("follow") == "1", body: &f.ResponseBody}
	var head *flow.Message
	if side == flow.ToServer {
		b.body = &f.RequestBody
		if f.Request != nil {
			head = &f.Request.Message
		}
	} else if f.Response != nil {
		head = &f.Response.Message
	}
	switch as := q.Get("as"); as {
	case "", "decoded":
	case "raw":
		b.raw = true
	default:
		return badRequest("as=%q: give decoded or raw", as)
	}
	name := fmt.Sprintf("flow-%d-%s", n, side)
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Midstream-Record", b.body.Record.String())
	if head != nil {
		own := head.Fields.Get("Content-Type")
		h.Set("Midstream-Type", field(own))
		h.Set("Midstream-Coding", field(head.Fields.Joined("Content-Encoding")))
		if !b.raw {
			if b.coded = head.Fields.Joined("Content-Encoding"); coding.Identity(b.coded) {
				b.coded = ""
			}
		}
		if media, params, err := mime.ParseMediaType(own); q.Get("inline") == "1" && err == nil {
			h.Set("Content-Type", mime.FormatMediaType(media, params))
		}
	}
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	h.Set("Content-Security-Policy", sandbox)
	if q.Get("inline") == "1" {
		h.Set("Content-Disposition", "inline")
		h.Set("X-Frame-Options", "SAMEORIGIN")
	}
	if text := r.Header.Get("Range"); text != "" && !b.follow {
		span, ok := strings.CutPrefix(text, "bytes=")
		if b.span, err = flowview.ParseRange(span); err != nil || !ok {
			return fault(http.StatusRequestedRangeNotSatisfiable, "range", "Range %q: one range of bytes is understood, as bytes=0-65535", text)
		}
	}
	h.Set("Accept-Ranges", "bytes")
	h.Set("Trailer", "Midstream-Error")
	switch {
	case b.span.Set && b.coded != "":
		return s.decodedRange(w, r, b)
	case b.coded == "" && !b.follow:
		return s.plainBody(w, r, b)
	}
	return s.wholeBody(w, r, b)
}

// field makes what a peer sent fit for a field of an answer.
func field(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return '?'
		}
		return c
	}, s[:min(len(s), 256)])
}

// unrecorded says why there are no octets, nil where there are, or none were sent.
func (b *bodyWish) unrecorded() error {
	if b.body.Record != flow.Unrecorded || b.body.Disposition == flow.NoBody || b.body.Sent == 0 {
		return nil
	}
	return conflict("the %s body of flow %d was not recorded: %s", b.side, b.number, b.body.Reason)
}

// plainBody gives out octets as they are recorded.
func (s *Server) plainBody(w http.ResponseWriter, r *http.Request, b bodyWish) error {
	if err := b.unrecorded(); err != nil {
		return err
	}
	body, err := s.reader.Body(r.Context(), b.number, b.side)
	if err != nil {
		return err
	}
	defer body.Close()
	size := body.Size()
	first, end := int64(0), size
	w.Header().Set("Midstream-Size", strconv.FormatInt(size, 10))
	status := http.StatusOK
	if b.span.Set {
		switch {
		case b.span.Tail > 0:
			first = max(0, size-b.span.Tail)
		case b.span.Open:
			first = b.span.First
		default:
			first, end = b.span.First, min(size, b.span.Last+1)
		}
		if first >= size {
			w.Header().Set("Content-Range", "bytes */"+strconv.FormatInt(size, 10))
			return fault(http.StatusRequestedRangeNotSatisfiable, "range", "the record has %d octets, and the range begins at %d", size, first)
		}
		status = http.StatusPartialContent
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, end-1, size))
	}
	if first < body.First() {
		w.Header().Del("Content-Range")
		return fault(http.StatusGone, "evicted", "octets 0 to %d were %s", body.First()-1, store.ErrEvicted)
	}
	if v := behind(w); v != nil {
		at := first - v.lead(body.First(), first)
		front, err := io.ReadAll(io.NewSectionReader(body, at, first-at))
		if err != nil {
			return err
		}
		v.octets.Next(front)
	}
	w.WriteHeader(status)
	_, err = io.Copy(w, io.NewSectionReader(body, first, end-first))
	trail(w, err)
	return nil
}

// decodedRange gives out a part of a body whose coding is removed: as much as is
// asked for, and at most maxDecodedRange.
func (s *Server) decodedRange(w http.ResponseWriter, r *http.Request, b bodyWish) error {
	if err := b.unrecorded(); err != nil {
		return err
	}
	if b.span.Tail > 0 {
		return fault(http.StatusRequestedRangeNotSatisfiable, "range", "the end of a body that is decoded is not known: give bytes=A-B, or as=raw")
	}
	body, err := s.reader.Body(r.Context(), b.number, b.side)
	if err != nil {
		return err
	}
	defer body.Close()
	if body.First() > 0 {
		return fault(http.StatusGone, "evicted", "octets 0 to %d were %s, and without them %s cannot be removed: as=raw gives the rest", body.First()-1, store.ErrEvicted, field(b.coded))
	}
	d, err := coding.NewDecoder(b.coded, io.NewSectionReader(body, 0, body.Size()))
	if err != nil {
		return conflict("decode the %s body of flow %d: %v; as=raw gives it as it is", b.side, b.number, err)
	}
	defer d.Close()
	v := behind(w)
	lead := v.lead(0, b.span.First)
	skipped, err := io.CopyN(io.Discard, untilDone{r.Context(), d}, b.span.First-lead)
	if err == nil && v != nil {
		front := make([]byte, lead)
		var n int
		n, err = io.ReadFull(untilDone{r.Context(), d}, front)
		skipped += int64(n)
		if err == io.ErrUnexpectedEOF {
			err = io.EOF
		}
		v.octets.Next(front[:n])
	}
	size := "*"
	if err != nil {
		if errors.Is(err, io.EOF) {
			w.Header().Set("Content-Range", "bytes */"+strconv.FormatInt(skipped, 10))
			return fault(http.StatusRequestedRangeNotSatisfiable, "range", "the decoded body has %d octets, and the range begins at %d", skipped, b.span.First)
		}
		return conflict("decode the %s body of flow %d: %v", b.side, b.number, err)
	}
	want := int64(maxDecodedRange)
	if !b.span.Open {
		want = min(want, b.span.Last-b.span.First+1)
	}
	part, err := io.ReadAll(io.LimitReader(untilDone{r.Context(), d}, want+1))
	if int64(len(part)) > want {
		part = part[:want]
	} else if err == nil {
		size = strconv.FormatInt(b.span.First+int64(len(part)), 10)
	}
	if len(part) == 0 {
		if err != nil {
			return conflict("decode the %s body of flow %d: %v", b.side, b.number, err)
		}
		w.Header().Set("Content-Range", "bytes */"+size)
		return fault(http.StatusRequestedRangeNotSatisfiable, "range", "the decoded body has %s octets, and the range begins at %d", size, b.span.First)
	}
	w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%s", b.span.First, b.span.First+int64(len(part))-1, size))
	w.WriteHeader(http.StatusPartialContent)
	_, _ = w.Write(part) // the client has left
	trail(w, err)
	return nil
}

// wholeBody gives out a body from its start, and what comes.
func (s *Server) wholeBody(w http.ResponseWriter, r *http.Request, b bodyWish) error {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	stop := s.whenStopping(cancel)
	defer stop()
	out := &flushing{w: w, ctl: http.NewResponseController(w), at: b.follow}
	err := flowview.Copy(ctx, out, s.reader, flowview.Octets{Number: b.number, Side: b.side, Raw: b.raw, Follow: b.follow})
	if err != nil && !out.begun {
		if _, partial := errors.AsType[*flowview.PartialError](err); !partial {
			return conflict("%s", asError(err).Text)
		}
	}
	trail(w, err)
	return nil
}

// trail says why octets end early.
func trail(w http.ResponseWriter, err error) {
	if err != nil {
		w.Header().Set("Midstream-Error", field(asError(err).Text))
	}
}

// whenStopping calls f when the server stops; the function returned ends that.
func (s *Server) whenStopping(f func()) (stop func()) {
	done := make(chan struct{})
	s.ends.Go(func() {
		select {
		case <-s.stopping:
			f()
		case <-done:
		}
	})
	return func() { close(done) }
}

// flushing sends what is written at once.
type flushing struct {
	w     http.ResponseWriter
	ctl   *http.ResponseController
	at    bool
	begun bool
}

func (f *flushing) Write(p []byte) (int, error) {
	f.begun = true
	n, err := f.w.Write(p)
	if err == nil && f.at {
		err = f.ctl.Flush()
	}
	return n, err
}

// untilDone ends a reader with a context.
type untilDone struct {
	ctx context.Context
	r   io.Reader
}

func (u untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}
