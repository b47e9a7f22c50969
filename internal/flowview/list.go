package flowview

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"midstream/flow"
	"midstream/internal/dump"
	"midstream/internal/store"
)

// List writes one line a flow: number, time, method, status, disposition of the
// response, size, duration, outcome, URL. width is the columns of the terminal,
// 0 for no limit: then a URL is never cut. A narrow terminal gets no time and
// no duration. Lines are written as they come.
func List(w io.Writer, flows iter.Seq2[store.Summary, error], width int) error {
	out := bufio.NewWriter(w)
	defer out.Flush()
	io.WriteString(out, columnsOf("NUMBER", "TIME", "METHOD", "STATUS", "BODY", "SIZE", "DURATION", "OUTCOME", "URL", width))
	if err := out.Flush(); err != nil {
		return err
	}
	n := 0
	for s, err := range flows {
		if err != nil {
			return err
		}
		writeLine(out, &s, width)
		// A list of many lines is written in large pieces, one that is being
		// followed line by line.
		if n++; out.Buffered() > 2048 || n < 64 {
			if err := out.Flush(); err != nil {
				return err
			}
		}
	}
	return out.Flush()
}

// Follow is List for flows that come one at a time; there is no heading.
func Follow(w io.Writer, flows iter.Seq2[store.Summary, error], width int) error {
	var line strings.Builder
	for s, err := range flows {
		if err != nil {
			return err
		}
		line.Reset()
		writeLine(&line, &s, width)
		if _, err := io.WriteString(w, line.String()); err != nil {
			return err
		}
	}
	return nil
}

// rememberedEnds bounds how many flows Join remembers.
const rememberedEnds = 64 << 10

// Join makes two sequences follow each other without saying the same twice:
// what past has shown as ended is left out of next. next must have begun
// before past does.
func Join(past, next iter.Seq2[store.Summary, error]) (iter.Seq2[store.Summary, error], iter.Seq2[store.Summary, error]) {
	ended := make(map[uint64]bool)
	first := func(yield func(store.Summary, error) bool) {
		for s, err := range past {
			if err == nil && s.Outcome.Kind != flow.Running {
				if len(ended) >= rememberedEnds {
					clear(ended) // those are long over
				}
				ended[s.Number] = true
			}
			if !yield(s, err) {
				return
			}
		}
	}
	second := func(yield func(store.Summary, error) bool) {
		for s, err := range next {
			if err == nil && ended[s.Number] {
				delete(ended, s.Number)
				continue
			}
			if !yield(s, err) {
				return
			}
		}
	}
	return first, second
}

// wide is the width from which a list has room for time and duration. A list
// that goes to no terminal has it.
const wide = 110

// columnsOf writes the columns of one line, the short ones of a narrow terminal
// without time and duration.
func columnsOf(number, start, method, status, body, size, duration, outcome, url string, width int) string {
	line := fmt.Sprintf("%7s  ", number)
	if width == 0 || width >= wide {
		line += fmt.Sprintf("%-12s  ", start)
	}
	line += fmt.Sprintf("%-7s  %-6s  %-4s  %7s  ", method, status, body, size)
	if width == 0 || width >= wide {
		line += fmt.Sprintf("%8s  ", duration)
	}
	line += fmt.Sprintf("%-11s  %s", outcome, url)
	if width > 1 {
		line = dump.Shorten(line, width)
	}
	return line + "\n"
}

func writeLine(w io.Writer, s *store.Summary, width int) {
	status, duration := "-", "-"
	if s.Status > 0 {
		status = strconv.Itoa(s.Status)
	} else if s.Outcome.Answered > 0 {
		status = "(" + strconv.Itoa(s.Outcome.Answered) + ")"
	}
	if s.Outcome.Kind != flow.Running {
		duration = dump.Span(s.Duration)
	}
	method := dump.Safe(s.Method)
	if s.Kind == flow.TCP {
		method = "tcp"
	}
	url := dump.Safe(s.URL())
	if s.Outcome.Kind == flow.Completed && s.Outcome.Text != "" {
		url += "  " + dump.Safe(s.Outcome.Text) // a call that failed
	}
	io.WriteString(w, columnsOf(strconv.FormatUint(s.Number, 10), s.Start.Local().Format("15:04:05.000"), method, status,
		s.Response.Disposition.Word(), dump.Size(s.Response.Size), duration, s.Outcome.Kind.String(), url, width))
}

// A Row is one line of `flows list --json`. Keys are only ever added.
type Row struct {
	Schema   int       `json:"schema"`
	Number   uint64    `json:"number"`
	ID       string    `json:"id"`
	Kind     string    `json:"kind"`
	Start    time.Time `json:"start"`
	Duration *float64  `json:"duration_seconds"` // null while it lives
	Method   string    `json:"method"`
	URL      string    `json:"url"`
	Host     string    `json:"host"`
	Path     string    `json:"path"`
	Status   int       `json:"status"` // 0 without a response
	Type     string    `json:"type"`
	Request  sizeJSON  `json:"request_body"`
	Response sizeJSON  `json:"response_body"`
	Answered int       `json:"answered"` // the status of midstream's own answer, 0 for none
	Outcome  string    `json:"outcome"`
	Error    string    `json:"error"`
	Marker   string    `json:"marker"`
}

type sizeJSON struct {
	Disposition string `json:"disposition"`
	Size        int64  `json:"size"`
	Record      string `json:"record"`
}

// ListJSON writes one JSON object a line and flow.
func ListJSON(w io.Writer, flows iter.Seq2[store.Summary, error]) error {
	for s, err := range flows {
		if err != nil {
			return err
		}
		j := RowOf(&s)
		if err := writeJSON(w, j); err != nil {
			return err
		}
	}
	return nil
}

// RowOf is the line of a flow.
func RowOf(s *store.Summary) Row {
	j := Row{
		Schema: dump.Schema, Number: s.Number, ID: s.ID.String(), Kind: s.Kind.String(), Start: s.Start,
		Method: s.Method, URL: s.URL(), Host: s.Host, Path: s.Path, Status: s.Status, Type: s.Type,
		Request:  sizeJSON{s.Request.Disposition.Word(), s.Request.Size, s.Request.Record.String()},
		Response: sizeJSON{s.Response.Disposition.Word(), s.Response.Size, s.Response.Record.String()},
		Answered: s.Outcome.Answered, Outcome: s.Outcome.String(), Error: s.Outcome.Text, Marker: s.Marker,
	}
	if s.Outcome.Kind != flow.Running {
		d := s.Duration.Seconds()
		j.Duration = &d
	}
	return j
}

// writeJSON writes v and a line end. JSON escapes control characters; what else
// could steer a terminal is escaped too.
func writeJSON(w io.Writer, v any) error {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(w, safeJSON(b.String()))
	return err
}

// safeJSON escapes, inside the strings of a JSON text, what encoding/json
// leaves: DEL, C1 controls and format characters.
func safeJSON(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r == '\n' || r >= ' ' && r <= '~' {
			b.WriteRune(r)
			continue
		}
		t := string(r)
		switch {
		case r < 0xa0:
			fmt.Fprintf(&b, `\u%04x`, r)
		case dump.Safe(t) == t:
			b.WriteRune(r)
		case r > 0xffff:
			x := r - 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+x>>10, 0xdc00+x&0x3ff)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// Count says how many there are of something: "1 flow", "3 flows".
func Count(n uint64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.FormatUint(n, 10) + " " + what + "s"
}
