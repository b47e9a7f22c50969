package timed

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"midstream/flow"
	"midstream/internal/sse"
)

// Form is how a step is written where it can be read again as it was.
type Form uint8

// The forms.
const (
	Plain Form = iota // text, or base64
	Event             // an event of an event stream
	Line              // a line of JSON
)

// A Writer writes a file line by line.
type Writer struct {
	w      io.Writer
	socket bool
}

// NewWriter writes the head.
func NewWriter(w io.Writer, h Head) (*Writer, error) {
	l := headLine{Timed: Version, Status: h.Status, Reason: h.Reason, At: millis(h.At), WebSocket: h.WebSocket, Request: h.Request, Fields: pairs(h.Fields)}
	return &Writer{w, h.WebSocket}, write(w, l)
}

func millis(d time.Duration) float64 { return float64(max(d, 0).Microseconds()) / 1000 }

func pairs(fields flow.Fields) (list [][2]string) {
	for _, f := range fields {
		list = append(list, [2]string{f.Name, f.Value})
	}
	return list
}

func write(w io.Writer, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write a timed file: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// Write writes a step; a form that would not give the same octets again becomes
// Plain.
func (w *Writer) Write(s *Step, form Form) error {
	at := millis(s.At)
	l := stepLine{At: &at, Close: s.Close, Reason: s.Reason, End: s.End, Cut: s.Cut, Trailers: pairs(s.Trailers)}
	if w.socket {
		l.From = "server"
		if s.FromClient {
			l.From = "client"
		}
		if s.Cut {
			l.From = ""
		}
	}
	switch {
	case s.ends():
	case form == Event && l.asEvent(s.Octets), form == Line && l.asLine(s.Octets):
	case w.socket && s.Text, !w.socket && utf8.Valid(s.Octets):
		text := string(s.Octets)
		l.Text = &text
	default:
		text := base64.StdEncoding.EncodeToString(s.Octets)
		l.Base64 = &text
	}
	return write(w.w, l)
}

func (l *stepLine) asEvent(octets []byte) bool {
	if !utf8.Valid(octets) {
		return false
	}
	e := sse.Parse(octets)
	if e.HasData {
		l.Data = &e.Data
	}
	if e.HasID {
		l.ID = &e.ID
	}
	if e.HasComment {
		l.Comment = &e.Comment
	}
	l.Event, l.Retry = e.Event, e.Retry
	again, err := l.event()
	if err == nil && bytes.Equal(again, octets) && (l.Data != nil || l.ID != nil || l.Comment != nil || l.Event != "" || l.Retry != "") {
		return true
	}
	l.Data, l.ID, l.Comment, l.Event, l.Retry = nil, nil, nil, "", ""
	return false
}

func (l *stepLine) asLine(octets []byte) bool {
	text, ok := bytes.CutSuffix(octets, []byte{'\n'})
	if !ok || !utf8.Valid(text) || !json.Valid(text) {
		return false
	}
	var compact bytes.Buffer
	if json.Compact(&compact, text) != nil || !bytes.Equal(compact.Bytes(), text) {
		return false
	}
	l.JSON = text
	return true
}
