package flowview

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"midstream/internal/dump"
	"midstream/internal/store"
)

// A Column is one column that a list can have.
type Column struct {
	Name string
	text func(s *store.Summary) string
}

// columns are all that there are: times in UTC, durations in seconds, sizes in
// octets.
func columns() []Column {
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	return []Column{
		{"number", func(s *store.Summary) string { return strconv.FormatUint(s.Number, 10) }},
		{"id", func(s *store.Summary) string { return s.ID.String() }},
		{"kind", func(s *store.Summary) string { return s.Kind.String() }},
		{"start", func(s *store.Summary) string { return s.Start.UTC().Format(time.RFC3339Nano) }},
		{"duration", func(s *store.Summary) string { return strconv.FormatFloat(s.Duration.Seconds(), 'f', -1, 64) }},
		{"method", func(s *store.Summary) string { return s.Method }},
		{"scheme", func(s *store.Summary) string { return s.Scheme }},
		{"host", func(s *store.Summary) string { return s.Host }},
		{"path", func(s *store.Summary) string { return s.Path }},
		{"url", func(s *store.Summary) string { return s.URL() }},
		{"status", func(s *store.Summary) string { return strconv.Itoa(s.Status) }},
		{"type", func(s *store.Summary) string { return s.Type }},
		{"request_size", func(s *store.Summary) string { return number(s.Request.Size) }},
		{"request_disposition", func(s *store.Summary) string { return s.Request.Disposition.Word() }},
		{"request_record", func(s *store.Summary) string { return s.Request.Record.String() }},
		{"response_size", func(s *store.Summary) string { return number(s.Response.Size) }},
		{"response_disposition", func(s *store.Summary) string { return s.Response.Disposition.Word() }},
		{"response_record", func(s *store.Summary) string { return s.Response.Record.String() }},
		{"outcome", func(s *store.Summary) string { return s.Outcome.String() }},
		{"error", func(s *store.Summary) string { return s.Outcome.Text }},
		{"marker", func(s *store.Summary) string { return s.Marker }},
	}
}

// ParseColumns reads names with commas between them.
func ParseColumns(names string) ([]Column, error) {
	var chosen []Column
	for name := range strings.SplitSeq(names, ",") {
		name = strings.TrimSpace(name)
		var all []string
		found := false
		for _, c := range columns() {
			if c.Name == name {
				chosen, found = append(chosen, c), true
			}
			all = append(all, c.Name)
		}
		if !found {
			return nil, fmt.Errorf("columns: there is no %q, only %s", name, strings.Join(all, ", "))
		}
	}
	return chosen, nil
}

// ListColumns writes one line a flow, the columns with tabs between them, each
// line as it comes. Tabs and what else could steer a terminal are escaped.
func ListColumns(w io.Writer, flows iter.Seq2[store.Summary, error], columns []Column) error {
	out := bufio.NewWriter(w)
	defer out.Flush()
	n := 0
	for s, err := range flows {
		if err != nil {
			return err
		}
		for i, c := range columns {
			if i > 0 {
				out.WriteByte('\t')
			}
			out.WriteString(dump.Safe(c.text(&s)))
		}
		out.WriteByte('\n')
		if n++; out.Buffered() > 2048 || n < 64 {
			if err := out.Flush(); err != nil {
				return err
			}
		}
	}
	return out.Flush()
}
