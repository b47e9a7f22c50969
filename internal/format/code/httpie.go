package code

import (
	"strings"
)

// httpie writes a command line of HTTPie.
func (w *Writer) httpie(r *request) error {
	for i := range len(r.method) {
		if !letter(r.method[i]) {
			return unfit("its method %q is none that HTTPie takes: it takes letters only", r.method)
		}
	}
	if !plainTarget(r.target) {
		r.lose("the target as it was spelled, which HTTPie changes")
	}
	if len(r.trailers) > 0 {
		r.lose("trailers of the request")
	}
	root, ownHost := r.wentTo()
	line := commandLine{program: "http", args: []string{"--ignore-netrc"}}
	var c content
	if r.body != nil {
		var err error
		if c, err = w.content(r); err != nil {
			return err
		}
	}
	switch {
	case c.file != "":
		line.file = c.file
	case c.size > maxWord || c.size > 0 && !visible(c.octets, "\n"):
		line.input = c.octets
	case c.size > 0:
		line.args = append(line.args, "--ignore-stdin", "--raw="+c.octets)
	default:
		line.args = append(line.args, "--ignore-stdin")
	}
	line.args = append(line.args, r.method, root+escaped(r.target))
	if ownHost {
		line.args = append(line.args, "Host: "+r.hostLine)
	}
	line.args = append(line.args, r.httpieFields()...)
	return w.line(line)
}

// httpieFields are the fields as HTTPie takes them.
func (r *request) httpieFields() (items []string) {
	for _, f := range r.fields {
		switch {
		case f.Value == "":
			items = append(items, f.Name+";")
		case strings.Contains(f.Value, `\:`) || strings.Contains(f.Value, `\;`) || strings.Contains(f.Value, `\=`) || strings.Contains(f.Value, `\@`):
			r.lose("the value of " + f.Name + ", in which HTTPie takes a backslash as its own")
		case !visible(f.Value, "\t"):
			r.lose("the value of " + f.Name + ", which is not UTF-8")
		default:
			// A space keeps what follows from being read as the name of a file.
			items = append(items, f.Name+": "+f.Value)
		}
	}
	for _, name := range []string{"User-Agent", "Accept", "Accept-Encoding"} {
		if !r.fields.Has(name) {
			items = append(items, name+":")
		}
	}
	if r.body != nil && !r.fields.Has("Content-Type") {
		items = append(items, "Content-Type:")
	}
	return items
}

// escaped is a target with what cannot stand in a URL escaped.
func escaped(target string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(target) {
		if c := target[i]; c > ' ' && c < 0x7f && strings.IndexByte(`"<>\^{}|#`+"`", c) < 0 {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	if b.Len() == 0 || target[0] != '/' {
		return "/" + b.String()
	}
	return b.String()
}
