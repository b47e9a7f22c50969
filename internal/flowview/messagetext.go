package flowview

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"
	"unicode/utf8"

	"midstream/internal/coding"
	"midstream/internal/dump"
	"midstream/internal/message"
	"midstream/internal/sse"
)

// MessageSchema is the number of the keys of MessagesJSON; keys are only added.
const MessageSchema = 1

// messageJSON is a message as JSON has it: what its kind has is there.
type messageJSON struct {
	Schema     int                 `json:"schema"`
	Index      int64               `json:"index"`
	Kind       string              `json:"kind"`
	Offset     int64               `json:"offset"`
	Length     int64               `json:"length"`
	Time       string              `json:"time,omitempty"`
	Event      *string             `json:"event,omitempty"`
	Data       *string             `json:"data,omitempty"`
	ID         *string             `json:"id,omitempty"`
	Retry      *string             `json:"retry,omitempty"`
	Comment    *string             `json:"comment,omitempty"`
	From       string              `json:"from,omitempty"`
	Opcode     string              `json:"opcode,omitempty"`
	Frames     int                 `json:"frames,omitempty"`
	Code       int                 `json:"code,omitempty"`
	Reason     string              `json:"reason,omitempty"`
	Compressed bool                `json:"compressed,omitempty"`
	Trailers   bool                `json:"trailers,omitempty"`
	End        bool                `json:"end,omitempty"`
	Headers    []message.AWSHeader `json:"headers,omitempty"`
	Fields     [][2]string         `json:"fields,omitempty"`
	Text       *string             `json:"text,omitempty"`
	Base64     *string             `json:"base64,omitempty"`
	Cut        bool                `json:"cut,omitempty"`
	Unfinished bool                `json:"unfinished,omitempty"`
	Lost       bool                `json:"lost,omitempty"`
	Error      string              `json:"error,omitempty"`
}

// read makes of a message what JSON has.
func (m *Message) read() *messageJSON {
	j := &messageJSON{Schema: MessageSchema, Index: m.Index, Kind: m.Kind.String(), Offset: m.Offset, Length: m.Length,
		Cut: m.Cut(), Unfinished: m.Unfinished, Lost: m.Lost}
	if !m.Time.IsZero() {
		j.Time = m.Time.UTC().Format(time.RFC3339Nano)
	}
	switch m.Kind {
	case message.SSE:
		j.event(m.Raw)
		return j
	case message.WebSocket:
		j.webSocket(m)
		return j
	case message.TCP:
		j.From = m.From.String()
		j.content(m.Raw)
		return j
	}
	if m.Cut() || m.Unfinished || m.Lost {
		j.content(m.Raw)
		return j
	}
	switch m.Kind {
	case message.GRPC, message.GRPCWeb, message.GRPCWebText, message.Connect:
		j.prefixed(m)
	case message.AWS:
		a, err := message.ParseAWS(m.Raw)
		j.Headers = a.Headers
		if err != nil {
			j.Error = err.Error()
			j.content(m.Raw)
			return j
		}
		j.content(a.Payload)
	case message.Multipart:
		p, err := message.ParsePart(m.Raw)
		if err != nil {
			j.Error = err.Error()
		}
		for _, f := range p.Fields {
			j.Fields = append(j.Fields, [2]string{f.Name, f.Value})
		}
		j.content(p.Body)
	default:
		j.content(bytes.TrimRight(m.Raw, "\r\n"))
	}
	return j
}

func (j *messageJSON) event(raw []byte) {
	e := sse.Parse(raw)
	set := func(at **string, text string, there bool) {
		if there || text != "" {
			text = sse.Text(text)
			*at = &text
		}
	}
	set(&j.Event, e.Event, false)
	set(&j.Data, e.Data, e.HasData)
	set(&j.ID, e.ID, e.HasID)
	set(&j.Retry, e.Retry, false)
	set(&j.Comment, e.Comment, e.HasComment)
}

func (j *messageJSON) prefixed(m *Message) {
	p, err := message.ParsePrefixed(m.Kind, m.Raw)
	if err != nil {
		j.Error = err.Error()
	}
	j.Compressed, j.Trailers, j.End = p.Compressed, p.Trailers, p.End
	payload := p.Payload
	if p.Compressed {
		plain, err := coding.Decode(m.Coding, payload, message.DefaultLimit)
		switch {
		case coding.Identity(m.Coding):
			j.Error = "the message says that it is compressed, and the head does not say how"
		case err != nil:
			j.Error = fmt.Sprintf("decode %s: %v", m.Coding, err)
		default:
			payload = plain
		}
	}
	j.content(payload)
}

// content is text where it is text, else base64.
func (j *messageJSON) content(p []byte) {
	s := string(p)
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		j.Text = &s
		return
	}
	j.octets(p)
}

func (j *messageJSON) octets(p []byte) {
	s := base64.StdEncoding.EncodeToString(p)
	j.Base64 = &s
}

// MessagesJSON writes each message as one JSON object on a line.
func MessagesJSON(w io.Writer, all iter.Seq2[*Message, error]) error {
	for m, err := range all {
		if err != nil {
			return err
		}
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(m.read()); err != nil {
			return err
		}
		line := bytes.ReplaceAll(bytes.TrimSpace(b.Bytes()), []byte{0x7f}, []byte(`\u007f`))
		// Only inside strings is anything left that a terminal could take for more
		// than letters, and there JSON has the same way to write it.
		if _, err := w.Write(append(dump.AppendSafe(nil, string(line)), '\n')); err != nil {
			return err
		}
	}
	return nil
}

// MessagesText writes each message as one line for a person, of at most width
// columns; 0 does not cut.
func MessagesText(w io.Writer, all iter.Seq2[*Message, error], start time.Time, width int) error {
	for m, err := range all {
		if err != nil {
			return err
		}
		at := "-"
		if !m.Time.IsZero() {
			at = "+" + dump.Span(m.Time.Sub(start))
		}
		line := fmt.Sprintf("%6d  %9s  %7s  %s", m.Index, at, dump.Size(m.Length), dump.Safe(m.read().line()))
		if width > 0 {
			line = dump.Shorten(line, width)
		}
		if _, err := io.WriteString(w, line+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// maxLine is how much of a message a line shows, in octets.
const maxLine = 4 << 10

// line is a message in one line.
func (j *messageJSON) line() string {
	var words []string
	add := func(name string, s *string) {
		if s != nil {
			words = append(words, strings.TrimRight(name+": "+short(*s), " "))
		}
	}
	note := func(there bool, s string) {
		if there {
			words = append(words, s)
		}
	}
	note(j.From != "", j.lead())
	note(j.Lost, "[not "+j.Kind+" from here on]")
	note(j.Unfinished, "[unfinished]")
	note(j.Cut, "[large]")
	note(j.Compressed, "[compressed]")
	note(j.Trailers, "[trailers]")
	note(j.End, "[end]")
	note(j.Error != "", "["+j.Error+"]")
	add("", j.Comment)
	add("event", j.Event)
	add("id", j.ID)
	add("retry", j.Retry)
	add("data", j.Data)
	for _, h := range j.Headers {
		if h.Name != ":content-type" {
			words = append(words, short(h.Name)+"="+short(h.Value))
		}
	}
	for _, f := range j.Fields {
		words = append(words, short(f[0])+": "+short(f[1]))
	}
	switch {
	case j.Text != nil && *j.Text != "":
		words = append(words, short(*j.Text))
	case j.Base64 != nil:
		p, _ := base64.StdEncoding.DecodeString((*j.Base64)[:min(len(*j.Base64), 64)])
		text := fmt.Sprintf("% x", p)
		if len(*j.Base64) > 64 {
			text += " ..."
		}
		words = append(words, text)
	}
	return strings.Join(words, "  ")
}

func short(s string) string {
	if len(s) > maxLine {
		s = s[:maxLine]
	}
	return strings.TrimSpace(strings.ReplaceAll(s, "\n", " "))
}
