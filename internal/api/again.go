package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"midstream/internal/capture"
	"midstream/internal/flowview"
	"midstream/internal/format/code"
	"midstream/internal/store"
	body "midstream/internal/view"
)

// maxReplays bounds the replays that run at a time.
const maxReplays = 8

// postReplay is POST /flows/replay.
func (s *Server) postReplay(w http.ResponseWriter, r *http.Request) error {
	numbers, err := s.which(w, r)
	if err != nil {
		return err
	}
	var ended []uint64
	d := each(r.Context(), numbers, func(n uint64) error {
		f, err := s.reader.Get(r.Context(), n)
		if err != nil {
			return err
		}
		if f.Live() {
			return conflict("flow %d runs: it can be sent again when it has ended", n)
		}
		ended = append(ended, n)
		return nil
	})
	if len(ended) > 0 {
		select {
		case s.replays <- struct{}{}:
		default:
			return fault(http.StatusTooManyRequests, "too-many", "%d replays run already: wait until one has ended", maxReplays)
		}
		s.ends.Go(func() {
			defer func() { <-s.replays }()
			if _, err := s.control.Resend(s.hub.ctx, ended); err != nil && s.hub.ctx.Err() == nil {
				s.cfg.Log.Warn("send requests again: " + err.Error())
			}
		})
	}
	writeJSON(w, http.StatusAccepted, d)
	return nil
}

// maxExport bounds the text of an export, in octets.
const maxExport = 64 << 20

// maxInLine is up to how many octets a body stands in a line of an export.
const maxInLine = 64 << 10

// getExport is GET /flows/{id}/export.
func (s *Server) getExport(w http.ResponseWriter, r *http.Request) error {
	as := r.URL.Query().Get("as")
	if as == "" {
		as = string(code.Curl)
	}
	kind, err := code.ParseKind(as)
	if err != nil {
		return badRequest("as: %v", err)
	}
	n, err := s.flowNumber(r)
	if err != nil {
		return err
	}
	if _, err := s.reader.Get(r.Context(), n); err != nil {
		return err
	}
	src, err := s.seen(r.URL.Query().Has("redact"), capture.FromReader(r.Context(), s.reader, func(yield func(store.Summary, error) bool) { yield(store.Summary{Number: n}, nil) }))
	if err != nil {
		return err
	}
	defer src.Close()
	it, err := src.Next()
	if err != nil && it == nil {
		if err == io.EOF {
			err = store.ErrNotFound
		}
		return err
	}
	var text bytes.Buffer
	// A body that is too large for a line is a file beside it, which the client fetches.
	beside := ""
	out := code.NewWriter(&bounded{&text, maxExport}, kind, code.Options{Bodies: func(number uint64) (string, io.WriteCloser, error) {
		beside = fmt.Sprintf("flow-%d-request", number)
		return beside, discarded{}, nil
	}, Literal: maxInLine})
	lost, err := out.Write(it)
	if err == nil {
		err = out.Close()
	}
	if _, unfit := errors.AsType[*code.Unfit](err); unfit || errors.Is(err, errTooLong) {
		return conflict("export flow %d as %s: %v", n, kind, err)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Security-Policy", sandbox)
	if beside != "" {
		w.Header().Set("Midstream-File", beside)
	}
	if len(lost) > 0 {
		w.Header().Set("Midstream-Lost", field(strings.Join(lost, "; ")))
	}
	if secrets := out.Secrets(); len(secrets) > 0 {
		w.Header().Set("Midstream-Secrets", field(strings.Join(secrets, ", ")))
	}
	_, _ = w.Write(text.Bytes()) // the client has left
	return nil
}

// discarded takes all and keeps nothing.
type discarded struct{}

func (discarded) Write(p []byte) (int, error) { return len(p), nil }
func (discarded) Close() error                { return nil }

var errTooLong = errors.New("it is too long for this: midstream flows export writes it")

// bounded takes at most so many octets.
type bounded struct {
	w    io.Writer
	left int
}

func (b *bounded) Write(p []byte) (int, error) {
	if len(p) > b.left {
		return 0, errTooLong
	}
	b.left -= len(p)
	return b.w.Write(p)
}

// Lines is a body as lines for a person.
type Lines struct {
	*body.Result
	Views []string `json:"views"`
}

// getLines is GET /flows/{id}/{side}/view.
func (s *Server) getLines(w http.ResponseWriter, r *http.Request) error {
	side, err := sideOf(r)
	if err != nil {
		return err
	}
	n, err := s.flowNumber(r)
	if err != nil {
		return err
	}
	q := flowview.ViewQuery{Number: n, Side: side, View: r.URL.Query().Get("as"), Others: s.control.Views(), Marks: s.marks.of(n, side)}
	if q.Window.From, err = number(r, "from", 0); err != nil {
		return err
	}
	limit, err := count(r, "n")
	if err != nil {
		return err
	}
	if q.Window.From < 0 {
		return badRequest("from=%d: lines are counted from 0", q.Window.From)
	}
	q.Window.Count = int64(limit)
	hide := behind(w) != nil
	lead := int64(0)
	if hide {
		// A line that is hidden may go on from one before.
		lead = min(leadLines, q.Window.From)
		q.Window.From -= lead
		q.Window.Count += lead
	}
	var undefined error
	q.Schema, undefined = s.defined.of(r.Context(), s.control.Options().Path("protobuf_definitions"))
	result, err := flowview.View(r.Context(), s.reader, q)
	if unknown, ok := errors.AsType[*body.UnknownError](err); ok {
		return badRequest("%v", unknown)
	}
	if errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err != nil {
		return conflict("%v", err)
	}
	if undefined != nil {
		result.Notes = append(result.Notes, "read protobuf_definitions: "+oneLine(undefined.Error()))
	}
	if hide {
		lines := veil.Lines(result.View, body.LongLine-4, result.Lines)
		result.Lines = lines[min(lead, int64(len(lines))):]
		result.From += lead
	}
	writeJSON(w, http.StatusOK, Lines{result, namesOfViews(q.Others)})
	return nil
}

// namesOfViews are those of all views.
func namesOfViews(others body.Others) []string {
	if others == nil {
		return body.Names()
	}
	return append(body.Names(), others.Names()...)
}

// leadLines is how many lines in front of those that are asked for are looked at.
const leadLines = 4
