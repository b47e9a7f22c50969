package capture

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"midstream/flow"
	"midstream/internal/format"
	"midstream/internal/store"
	"midstream/internal/ws"
)

// Recorder is a sink that is a session which is open for writing.
type Recorder struct {
	s     *store.Store
	close bool
	buf   []byte
}

// OpenSession makes the session in dir, or adds to it where there is one.
func OpenSession(dir string) (*Recorder, error) {
	s, err := store.Open(dir, store.Config{Stall: -1})
	if err != nil {
		return nil, err
	}
	return &Recorder{s: s, close: true}, nil
}

// Into adds to a session that somebody else closes.
func Into(s *store.Store) *Recorder { return &Recorder{s: s} }

// Close brings everything to the disk.
func (r *Recorder) Close() error {
	if r.close {
		return r.s.Close()
	}
	r.s.Flush()
	return nil
}

// Abort is Close: what a session has, it keeps.
func (r *Recorder) Abort() { _ = r.Close() }

// Write records a flow under the next number and its own ID and times.
func (r *Recorder) Write(it *format.Item) (lost []string, err error) {
	_, lost, err = r.Record(it)
	return lost, err
}

// Record is Write that returns the flow as it was recorded.
func (r *Recorder) Record(it *format.Item) (*flow.Flow, []string, error) {
	f := *it.Flow
	if f.Start.IsZero() {
		f.Start = time.Unix(0, 0).UTC()
	}
	if f.End.Before(f.Start) {
		f.End = f.Start
	}
	if f.Outcome.Kind == flow.Running {
		f.Outcome = flow.Outcome{Kind: flow.Interrupt, Bytes: f.ResponseBody.Sent, Text: "it was still running when it was copied"}
	}
	rec := r.s.StartAt(f.Start)
	f.Number = rec.Number()
	rec.Head(&f, flow.ToServer)
	var lost []string
	var err error
	switch {
	case recorded(it.Bodies[flow.ToServer]) || recorded(it.Bodies[flow.ToClient]):
		err = r.bodies(rec, &f, it) // as they passed, frames and all
	case it.Closing != nil:
		lost, err = r.webSocket(rec, &f, it)
	case it.Messages != nil:
		err = r.tunnel(rec, &f, it)
	default:
		err = r.bodies(rec, &f, it)
	}
	if err != nil {
		f.Outcome = flow.Outcome{Kind: flow.Interrupt, Bytes: f.ResponseBody.Sent, Text: err.Error()}
	}
	rec.End(&f)
	if why := r.s.Failure(); err == nil && why != nil {
		err = why
	}
	if err != nil {
		err = fmt.Errorf("record flow %s: %w", f.ID, err)
	}
	return &f, lost, err
}

func recorded(b format.Body) bool {
	_, ok := b.(pieced)
	return ok
}

func (r *Recorder) bodies(rec *store.Record, f *flow.Flow, it *format.Item) error {
	for side, b := range it.Bodies {
		if b == nil {
			continue
		}
		at := f.Start
		m := (*flow.Message)(nil)
		if f.Request != nil {
			m = &f.Request.Message
		}
		if side == int(flow.ToClient) {
			if m = nil; f.Response != nil {
				m = &f.Response.Message
			}
		}
		if m != nil && m.End.After(at) {
			at = m.End
		}
		if err := r.pieces(rec, flow.Side(side), b, at); err != nil {
			return err
		}
	}
	return nil
}

// pieces records a body: with its own pieces where it has some, else in pieces
// that all came at one time.
func (r *Recorder) pieces(rec *store.Record, side flow.Side, b format.Body, at time.Time) error {
	if r.buf == nil {
		r.buf = make([]byte, 32<<10)
	}
	if own, ok := b.(pieced); ok {
		for p, err := range own.Pieces() {
			if err != nil {
				return err
			}
			r.buf = slices.Grow(r.buf[:0], p.Len)[:p.Len]
			if _, err := own.ReadAt(r.buf, p.Offset); err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			rec.PieceAt(side, r.buf, p.Time)
		}
		return nil
	}
	for off := int64(0); off < b.Size(); {
		n, err := b.ReadAt(r.buf[:cap(r.buf)][:min(int64(cap(r.buf)), b.Size()-off)], off)
		rec.PieceAt(side, r.buf[:n], at)
		off += int64(n)
		if err != nil && (n == 0 || !errors.Is(err, io.EOF)) {
			return fmt.Errorf("the %s body: %w", side, err)
		}
	}
	return nil
}

// tunnel records the messages as the pieces of both directions.
func (r *Recorder) tunnel(rec *store.Record, f *flow.Flow, it *format.Item) error {
	f.RequestBody.Sent, f.ResponseBody.Sent = 0, 0
	for m, err := range it.Messages {
		if err != nil {
			return err
		}
		side, b := directionOf(f, m.FromClient)
		if err := r.pieces(rec, side, m.Content, m.Time); err != nil {
			return err
		}
		b.Sent += m.Content.Size()
		b.Received = b.Sent
		if m.Time.After(f.End) {
			f.End = m.Time
		}
	}
	return nil
}

func directionOf(f *flow.Flow, fromClient bool) (flow.Side, *flow.Body) {
	if fromClient {
		return flow.ToServer, &f.RequestBody
	}
	return flow.ToClient, &f.ResponseBody
}

// webSocket records the messages as frames. Those that were never sent are not
// in a session.
func (r *Recorder) webSocket(rec *store.Record, f *flow.Flow, it *format.Item) (lost []string, err error) {
	if flow.Switched(f.Request, f.Response) == "" {
		f.Response = unknownSwitch(f)
		f.Findings = append(slices.Clip(f.Findings), flow.Finding{Code: "handshake-missing",
			Text: "the file has the messages of this WebSocket without its handshake; the 101 stands for what is not known of it"})
	}
	f.RequestBody.Sent, f.ResponseBody.Sent = 0, 0
	last := f.Start
	if it.Messages != nil {
		for m, err := range it.Messages {
			if err != nil {
				return lost, err
			}
			switch {
			case m.Dropped:
				lost = appendOnce(lost, "messages of a WebSocket that were dropped before they were sent")
				continue
			case m.Injected:
				lost = appendOnce(lost, "which messages of a WebSocket were injected")
			}
			opcode := ws.Binary
			if m.Text {
				opcode = ws.Text
			}
			last = m.Time
			if err := r.frame(rec, f, m.FromClient, opcode, m.Content, m.Time); err != nil {
				return lost, err
			}
		}
	}
	c := it.Closing
	if c.Code != 0 && c.Code != ws.Abnormal {
		at := c.Time
		if at.Before(last) {
			at = last
		}
		payload := ws.AppendClose(nil, c.Code, c.Reason)
		if err := r.frame(rec, f, c.ByClient, ws.Close, format.Octets(payload), at); err != nil {
			return lost, err
		}
	}
	return lost, nil
}

// unknownSwitch is the response of a handshake that nobody has: without one nothing
// would tell that what follows are frames.
func unknownSwitch(f *flow.Flow) *flow.Response {
	r := &flow.Response{Message: flow.Message{Version: flow.HTTP11, Start: f.Start, End: f.Start}, Status: 101, Reason: "Switching Protocols"}
	r.Fields.Add("Upgrade", "websocket")
	return r
}

func appendOnce(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// frame records one message in one frame; a client's is masked, with zeros.
func (r *Recorder) frame(rec *store.Record, f *flow.Flow, fromClient bool, opcode ws.Opcode, content format.Body, at time.Time) error {
	side, b := directionOf(f, fromClient)
	head := ws.AppendHeader(nil, ws.Header{Fin: true, Opcode: opcode, Masked: fromClient, Length: content.Size()})
	rec.PieceAt(side, head, at)
	b.Sent += int64(len(head)) + content.Size()
	b.Received = b.Sent
	return r.pieces(rec, side, content, at)
}
