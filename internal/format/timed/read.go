package timed

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/sse"
	"midstream/internal/ws"
)

// Bounds of a file, in octets.
const (
	MostFile = 64 << 20
	mostLine = 16 << 20
)

// headLine is the first line of a file.
type headLine struct {
	Timed     int         `json:"timed"`
	Status    int         `json:"status"`
	Reason    string      `json:"reason,omitempty"`
	At        float64     `json:"at,omitempty"`
	WebSocket bool        `json:"websocket,omitempty"`
	Request   string      `json:"request,omitempty"`
	Fields    [][2]string `json:"fields,omitempty"`
}

// stepLine is one of the others.
type stepLine struct {
	At       *float64        `json:"at"`
	From     string          `json:"from,omitempty"`
	Event    string          `json:"event,omitempty"`
	ID       *string         `json:"id,omitempty"`
	Retry    string          `json:"retry,omitempty"`
	Comment  *string         `json:"comment,omitempty"`
	Data     *string         `json:"data,omitempty"`
	JSON     json.RawMessage `json:"json,omitempty"`
	Text     *string         `json:"text,omitempty"`
	Base64   *string         `json:"base64,omitempty"`
	Close    int             `json:"close,omitempty"`
	Reason   string          `json:"reason,omitempty"`
	End      bool            `json:"end,omitempty"`
	Cut      bool            `json:"cut,omitempty"`
	Trailers [][2]string     `json:"trailers,omitempty"`
}

// Read reads a file. Lines that are empty or begin with # count for nothing. An error
// names the line.
func Read(r io.Reader) (*Recording, error) {
	limited := &io.LimitedReader{R: r, N: MostFile + 1}
	in := bufio.NewScanner(limited)
	in.Buffer(make([]byte, 0, 64<<10), mostLine)
	var rec *Recording
	n := 0
	for in.Scan() {
		n++
		line := bytes.TrimSpace(in.Bytes())
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		var err error
		if rec == nil {
			rec, err = readHead(line)
		} else {
			err = rec.add(line)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	switch err := in.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, fmt.Errorf("line %d is longer than 16m", n+1)
	case err != nil:
		return nil, err
	case limited.N <= 0:
		return nil, errors.New("it is larger than 64m")
	case rec == nil:
		return nil, errors.New(`it is empty: it begins with a line as {"timed":1,"status":200,"fields":[["Content-Type","text/event-stream"]]}`)
	}
	return rec, nil
}

// decode reads one object; keys that are not known are misspelt ones.
func decode(line []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			err = errors.New("it ends too early")
		}
		return fmt.Errorf("no JSON object as expected: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more than one JSON object")
	}
	return nil
}

func readHead(line []byte) (*Recording, error) {
	var h headLine
	if err := decode(line, &h); err != nil {
		return nil, fmt.Errorf("the head: %w", err)
	}
	if h.Timed != Version {
		return nil, fmt.Errorf(`the first line has "timed":%d, and this midstream reads 1`, h.Timed)
	}
	if h.WebSocket && h.Status == 0 {
		h.Status = 101
	}
	if !h.WebSocket && (h.Status < 200 || h.Status > 599) {
		return nil, fmt.Errorf("status %d is none: it is a number from 200 to 599", h.Status)
	}
	at, err := duration(h.At)
	if err != nil {
		return nil, err
	}
	fields, err := fieldsOf(h.Fields)
	if err != nil {
		return nil, err
	}
	return &Recording{Head: Head{Status: h.Status, Reason: h.Reason, Fields: fields, At: at, Request: h.Request, WebSocket: h.WebSocket}}, nil
}

func duration(ms float64) (time.Duration, error) {
	if !(ms >= 0 && ms <= float64(Longest/time.Millisecond)) {
		return 0, errors.New("at: it is a number of milliseconds, not below 0 and at most a day")
	}
	return time.Duration(math.Round(ms*1000)) * time.Microsecond, nil
}

func fieldsOf(list [][2]string) (fields flow.Fields, err error) {
	for _, p := range list {
		if p[0] == "" || strings.ContainsAny(p[0], " \t\r\n:\x00") || strings.ContainsAny(p[1], "\r\n\x00") {
			return nil, fmt.Errorf("%q is no name and value of a field", p)
		}
		fields.Add(p[0], p[1])
	}
	return fields, nil
}

// add takes the next line.
func (r *Recording) add(line []byte) error {
	var l stepLine
	if err := decode(line, &l); err != nil {
		return err
	}
	if l.At == nil {
		return errors.New(`it has no "at": milliseconds since the head`)
	}
	at, err := duration(*l.At)
	if err != nil {
		return err
	}
	if n := len(r.Steps); n > 0 {
		if r.Steps[n-1].ends() {
			return errors.New("it stands behind the end")
		}
		if at < r.Steps[n-1].At {
			return errors.New("at: it is before the line above")
		}
	}
	s := Step{At: at, Close: l.Close, Reason: l.Reason, End: l.End, Cut: l.Cut}
	if s.Trailers, err = fieldsOf(l.Trailers); err != nil {
		return err
	}
	if err := l.octets(&s); err != nil {
		return err
	}
	if err := l.from(&s, r.WebSocket); err != nil {
		return err
	}
	r.Steps = append(r.Steps, s)
	return nil
}

// octets makes what is sent; a line says it in one way.
func (l *stepLine) octets(s *Step) (err error) {
	event := l.Event != "" || l.ID != nil || l.Retry != "" || l.Comment != nil || l.Data != nil
	ways := 0
	for _, is := range []bool{event, l.JSON != nil, l.Text != nil, l.Base64 != nil, l.Close != 0, l.End, l.Cut} {
		if is {
			ways++
		}
	}
	if ways != 1 {
		return errors.New("it says one of: event, data, id, retry, comment (an event); json (a line); text; base64; close; end; cut")
	}
	switch {
	case event:
		s.Octets, err = l.event()
		return err
	case l.JSON != nil:
		var b bytes.Buffer
		if err := json.Compact(&b, l.JSON); err != nil {
			return fmt.Errorf("json: %w", err)
		}
		s.Octets = append(b.Bytes(), '\n')
	case l.Text != nil:
		s.Octets, s.Text = []byte(*l.Text), true
	case l.Base64 != nil:
		if s.Octets, err = base64.StdEncoding.DecodeString(*l.Base64); err != nil {
			return fmt.Errorf("base64: %w", err)
		}
	}
	return nil
}

func or(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// event writes an event of an event stream (WHATWG HTML section 9.2).
func (l *stepLine) event() ([]byte, error) {
	e := hook.SSE{Event: l.Event, Retry: l.Retry, Data: or(l.Data), ID: or(l.ID), Comment: or(l.Comment)}
	e.HasData, e.HasID, e.HasComment = l.Data != nil, l.ID != nil, l.Comment != nil
	return sse.Append(nil, &e, "\n")
}

// Sendable tells whether a close frame may have a code (RFC 6455 section 7.4).
func Sendable(code int) bool {
	return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != ws.Abnormal || code >= 3000 && code <= 4999
}

// from checks what only a WebSocket connection has, and what it has not.
func (l *stepLine) from(s *Step, socket bool) error {
	switch {
	case !socket && (l.From != "" || s.Close != 0):
		return errors.New(`from and close are of a WebSocket connection: its head has "websocket":true`)
	case !socket:
		return nil
	case l.From != "client" && l.From != "server" && (l.From != "" || !s.ends()):
		return errors.New(`a message of a WebSocket connection says "from":"server" or "from":"client"`)
	case l.Text == nil && l.Base64 == nil && !s.ends() || s.End || s.Trailers != nil:
		return errors.New("a WebSocket connection has text, base64, close and cut")
	case s.Text && !utf8.Valid(s.Octets):
		return errors.New("text: it is not UTF-8")
	case s.Close != 0 && !Sendable(s.Close):
		return fmt.Errorf("close: %d is no code that may be sent", s.Close)
	case len(s.Reason) > 123:
		return errors.New("reason: it is longer than 123 octets")
	}
	s.FromClient = l.From == "client"
	return nil
}
