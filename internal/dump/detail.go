package dump

import (
	"strconv"
	"strings"
	"time"

	"midstream/flow"
)

// appendHeads appends both heads with their trailers, findings and tries, each
// line indented.
func appendHeads(dst []byte, p Palette, f *flow.Flow) []byte {
	if f.Request != nil && f.Kind == flow.HTTP {
		dst = appendRow(dst, p, bold, "> ", RequestLine(f.Request))
		dst = appendFields(dst, p, "> ", f.Request.Fields)
		dst = appendTrailers(dst, p, "> ", f.Request.Trailers)
	}
	for i := range f.Interim {
		dst = appendRow(dst, p, dim, "< ", StatusLine(&f.Interim[i]))
		dst = appendFields(dst, p, "< ", f.Interim[i].Fields)
	}
	if f.Response != nil {
		dst = appendRow(dst, p, bold, "< ", StatusLine(f.Response))
		dst = appendFields(dst, p, "< ", f.Response.Fields)
		dst = appendTrailers(dst, p, "< ", f.Response.Trailers)
	}
	for _, n := range f.Findings {
		dst = appendRow(dst, p, yellow, "! ", n.Code+": "+n.Text)
	}
	if len(f.Tries) > 1 || len(f.Tries) == 1 && f.Tries[0].Error != "" {
		for i, t := range f.Tries {
			dst = appendRow(dst, p, dim, "~ ", tryText(i+1, t, f.Start))
		}
	}
	return dst
}

// RequestLine is the first line of a request, as it came where that is known. It
// is not safe to print.
func RequestLine(r *flow.Request) string {
	if r.Wire != "" {
		return r.Wire
	}
	target := r.Path
	switch r.Form {
	case flow.AbsoluteForm:
		target = r.Scheme + "://" + r.Authority + r.Path
	case flow.AuthorityForm:
		target = r.Authority
	}
	line := r.Method + " " + target + " " + r.Version.String()
	if r.Protocol != "" {
		line += " (:protocol " + r.Protocol + ")"
	}
	return line
}

// StatusLine is the first line of a response, as RequestLine.
func StatusLine(r *flow.Response) string {
	if r.Wire != "" {
		return r.Wire
	}
	return strings.TrimSuffix(r.Version.String()+" "+strconv.Itoa(r.Status)+" "+r.Reason, " ")
}

func tryText(n int, t flow.Try, start time.Time) string {
	s := "try " + strconv.Itoa(n) + " after " + Span(t.Start.Sub(start)) + ": " + t.Address
	if t.Reused {
		s += ", on a connection that had served before"
	}
	if t.Error != "" {
		s += ": " + t.Error
	}
	return s
}

func appendTrailers(dst []byte, p Palette, mark string, fields flow.Fields) []byte {
	if len(fields) == 0 {
		return dst
	}
	dst = appendRow(dst, p, dim, mark, "(trailers)")
	return appendFields(dst, p, mark, fields)
}

func appendFields(dst []byte, p Palette, mark string, fields flow.Fields) []byte {
	for _, f := range fields {
		dst = append(dst, indent...)
		dst = p.paint(dst, dim, mark)
		dst = p.paint(dst, cyan, Safe(f.Name))
		dst = append(dst, ": "...)
		dst = AppendSafe(dst, f.Value)
		dst = append(dst, '\n')
	}
	return dst
}

const indent = "    "

// appendRow appends one indented line of text that is not safe yet.
func appendRow(dst []byte, p Palette, c colour, mark, text string) []byte {
	dst = append(dst, indent...)
	dst = p.paint(dst, dim, mark)
	dst = p.paint(dst, c, Safe(text))
	return append(dst, '\n')
}
