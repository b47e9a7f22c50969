package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

	"midstream/internal/flowview"
	"midstream/internal/message"
)

// maxMessages bounds what is given out of messages at a time, in octets of JSON.
const maxMessages = 4 << 20

// maxScan bounds the messages that one request looks through for those that are meant.
const maxScan = 20_000

// messageWish reads which messages are meant.
func messageWish(r *http.Request) flowview.MessageFilter {
	q := r.URL.Query()
	return flowview.MessageFilter{Find: q.Get("find"), Word: q.Get("kind"), Sender: q.Get("sender"), Quiet: q.Get("quiet") == "1"}
}

// getMessages is GET /flows/{id}/{side}/messages.
func (s *Server) getMessages(w http.ResponseWriter, r *http.Request) error {
	side, err := sideOf(r)
	if err != nil {
		return err
	}
	n, err := s.flowNumber(r)
	if err != nil {
		return err
	}
	q := flowview.MessageQuery{Number: n, Side: side, Follow: r.URL.Query().Get("follow") == "1", Points: &s.points}
	if q.From, err = number(r, "from", 0); err != nil {
		return err
	}
	if q.From < 0 {
		return badRequest("from=%d: messages are counted from 0", q.From)
	}
	f, err := s.reader.Get(r.Context(), n)
	if err != nil {
		return err
	}
	kind, _ := flowview.KindOf(f, side)
	if kind == message.None {
		return conflict("the %s body of flow %d has no messages: its Content-Type has none", side, n)
	}
	if q.Follow {
		s.followMessages(w, r, q)
		return nil
	}
	limit, err := count(r, "n")
	if err != nil {
		return err
	}
	q.Count = int64(limit) + 1
	out := struct {
		Kind     string            `json:"kind"`
		Messages []json.RawMessage `json:"messages"`
		More     bool              `json:"more"`
		// Next is the index behind the last that was looked at, where only some are meant.
		Next  int64  `json:"next,omitempty"`
		Error string `json:"error,omitempty"`
	}{Kind: kind.String(), Messages: []json.RawMessage{}}
	size := 0
	lines := lineWriter(func(line []byte) error {
		if len(out.Messages) == limit || size > maxMessages {
			out.More = true
			return errEnough
		}
		size += len(line)
		out.Messages = append(out.Messages, bytes.Clone(line))
		return nil
	})
	all := flowview.Messages(r.Context(), s.reader, q)
	if wish := messageWish(r); wish != (flowview.MessageFilter{}) {
		q.Count = 0
		out.Next = q.From
		all = func(yield func(*flowview.Message, error) bool) {
			scanned := 0
			for m, err := range flowview.Messages(r.Context(), s.reader, q) {
				if err != nil {
					yield(nil, err)
					return
				}
				if scanned == maxScan || len(out.Messages) == limit || size > maxMessages {
					out.More = true
					return
				}
				scanned++
				out.Next = m.Index + 1
				if wish.Match(m) && !yield(m, nil) {
					return
				}
			}
		}
	}
	err = flowview.MessagesJSON(lines, all)
	if err != nil && err != errEnough {
		out.Error = asError(err).Text
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

// errEnough ends a list.
var errEnough = fault(http.StatusOK, "", "enough")

// followMessages sends messages as they pass.
func (s *Server) followMessages(w http.ResponseWriter, r *http.Request, q flowview.MessageQuery) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer s.whenStopping(cancel)()
	out := beginEvents(w)
	lines := lineWriter(func(line []byte) error {
		if !out.write(eventText("message", line)) {
			return errEnough
		}
		return nil
	})
	err := flowview.MessagesJSON(lines, flowview.Messages(ctx, s.reader, q))
	switch {
	case ctx.Err() != nil || out.fail != nil:
	case err != nil:
		out.event("failed", map[string]*Error{"error": asError(err)})
	default:
		out.event("end", struct{}{})
	}
}

// lineWriter takes lines, one a Write.
type lineWriter func(line []byte) error

func (f lineWriter) Write(p []byte) (int, error) {
	if err := f(bytes.TrimRight(p, "\n")); err != nil {
		return 0, err
	}
	return len(p), nil
}
