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
	q := flowview.MessageQuery{Number: n, Side: side, Follow: r.URL.Query().Get("follow") == "1"}
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
		Error    string            `json:"error,omitempty"`
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
	err = flowview.MessagesJSON(lines, flowview.Messages(r.Context(), s.reader, q))
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
