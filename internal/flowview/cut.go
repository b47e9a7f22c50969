package flowview

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"midstream/flow"
	"midstream/internal/coding"
	"midstream/internal/query"
	"midstream/internal/store"
)

// A CutPath is a part of a flow, as "request.method".
type CutPath struct {
	name  string
	field string // of header[...]
	text  func(f *flow.Flow, field string) string
	side  flow.Side
	body  bodyForm
}

// bodyForm is how a body is cut.
type bodyForm uint8

const (
	noBody     bodyForm = iota
	content             // content coding removed
	rawContent          // as recorded
)

// maxCut bounds one body in a cut.
const maxCut = 64 << 20

// ParseCut reads paths with commas between them.
func ParseCut(names string) ([]CutPath, error) {
	var list []CutPath
	all := cutPaths()
	for name := range strings.SplitSeq(names, ",") {
		name = strings.TrimSpace(name)
		p := CutPath{name: name}
		base := name
		if before, rest, ok := strings.Cut(name, "["); ok && strings.HasSuffix(rest, "]") && (strings.HasSuffix(before, ".header") || strings.HasSuffix(before, ".trailer")) {
			base, p.field = before, strings.TrimSuffix(rest, "]")
		} else if strings.HasSuffix(name, ".header") || strings.HasSuffix(name, ".trailer") {
			return nil, fmt.Errorf("cut %q: name the field, as %s[content-type]", name, name)
		}
		side, what, _ := strings.Cut(base, ".")
		if side == "response" {
			p.side = flow.ToClient
		}
		switch {
		case side != "request" && side != "response":
		case what == "content" || what == "text":
			p.body = content
		case what == "raw_content":
			p.body = rawContent
		}
		if p.text = all[base]; p.text == nil && p.body == noBody {
			return nil, fmt.Errorf("cut: there is no %q in a flow; the page on filters lists the paths", name)
		}
		list = append(list, p)
	}
	return list, nil
}

// CutForm is how a cut is written.
type CutForm uint8

// The forms.
const (
	CSV       CutForm = iota // RFC 4180, without a heading
	JSONLines                // an object a line, with the paths as keys
)

// Cut writes parts of the flows that filter means, the oldest first. Octets that
// are not UTF-8 are written as \xNN in CSV and become U+FFFD in JSON.
func Cut(ctx context.Context, w io.Writer, r *store.Reader, filter *query.Filter, paths []CutPath, form CutForm) error {
	out := bufio.NewWriter(w)
	defer out.Flush()
	table := csv.NewWriter(out)
	cells := make([]string, len(paths))
	var partial error
	for s, err := range r.Search(ctx, store.SearchOptions{Filter: filter, Oldest: true}) {
		if err != nil {
			table.Flush()
			return err
		}
		f, err := r.Get(ctx, s.Number)
		if err != nil {
			return err
		}
		for i := range paths {
			if cells[i], err = paths[i].of(ctx, r, f); err != nil {
				var p *PartialError
				if !errors.As(err, &p) {
					return err
				}
				partial = err
			}
		}
		if form == JSONLines {
			err = writeCut(out, paths, cells)
		} else {
			for i, c := range cells {
				cells[i] = printable(c)
			}
			err = table.Write(cells)
		}
		if err != nil {
			return err
		}
	}
	table.Flush()
	return errors.Join(table.Error(), out.Flush(), partial)
}

func writeCut(w io.Writer, paths []CutPath, cells []string) error {
	var b strings.Builder
	b.WriteByte('{')
	for i, p := range paths {
		if i > 0 {
			b.WriteByte(',')
		}
		for j, s := range []string{p.name, cells[i]} {
			var text strings.Builder
			if err := writeJSON(&text, s); err != nil {
				return err
			}
			b.WriteString(strings.TrimSuffix(text.String(), "\n"))
			if j == 0 {
				b.WriteByte(':')
			}
		}
	}
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// of cuts a part of f.
func (p *CutPath) of(ctx context.Context, r *store.Reader, f *flow.Flow) (string, error) {
	if p.body == noBody {
		return p.text(f, p.field), nil
	}
	m, b := messageOf(f, p.side), bodyOf(f, p.side)
	if m == nil || b.Record == flow.Unrecorded {
		return "", nil
	}
	body, err := r.Body(ctx, f.Number, p.side)
	if err != nil {
		return "", err
	}
	defer body.Close()
	src := io.Reader(io.NewSectionReader(body, body.First(), body.Size()-body.First()))
	if coded := m.Fields.Joined("Content-Encoding"); p.body == content && !coding.Identity(coded) {
		d, err := coding.NewDecoder(coded, src)
		if err == nil {
			defer d.Close()
			src = d
		}
	}
	text, err := io.ReadAll(io.LimitReader(src, maxCut+1))
	if len(text) > maxCut {
		return string(text[:maxCut]), &PartialError{fmt.Errorf("%s of flow %d was cut after %d bytes", p.name, f.Number, maxCut)}
	}
	if err = whole(err, b); err != nil {
		err = &PartialError{fmt.Errorf("%s of flow %d: %w", p.name, f.Number, err)}
	}
	return string(text), err
}

// printable writes octets that are not UTF-8, and control characters other than
// white space, as \xNN.
func printable(s string) string {
	clean := func(r rune, n int) bool {
		return !(r == utf8.RuneError && n == 1) && (r >= ' ' && r != 0x7f || r == '\n' || r == '\t' || r == '\r')
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if clean(r, n) {
			b.WriteString(s[i : i+n])
		} else {
			fmt.Fprintf(&b, `\x%02x`, s[i])
			n = 1
		}
		i += n
	}
	return b.String()
}
