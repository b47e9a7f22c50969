package code

import (
	"net"
	"strings"

	"midstream/flow"
)

// expects is how long a body is for which some curl asks before it sends it.
const expects = 1 << 10

// curl writes a command line of curl.
func (w *Writer) curl(r *request) error {
	line := commandLine{program: "curl"}
	line.args = append(line.args, r.curlArgs()...)
	if len(r.trailers) > 0 {
		r.lose("trailers of the request")
	}
	if r.body != nil {
		c, err := w.content(r)
		if err != nil {
			return err
		}
		switch {
		case r.method == "HEAD":
			r.lose("the body of a HEAD request")
		case c.file != "":
			line.args = append(line.args, "--data-binary", "@"+c.file)
		case c.size <= maxWord && visible(c.octets, "\n"):
			line.args = append(line.args, "--data-raw", c.octets)
		default:
			line.args = append(line.args, "--data-binary", "@-")
			line.input = c.octets
		}
	}
	line.args = append(line.args, r.curlURL())
	return w.line(line)
}

// curlURL is the URL; --request-target has the target where curl would change it.
func (r *request) curlURL() string {
	if plainTarget(r.target) {
		return r.root() + r.target
	}
	return r.root() + "/"
}

// curlArgs are all arguments but those for the body and the URL.
func (r *request) curlArgs() (args []string) {
	add := func(a ...string) { args = append(args, a...) }
	if strings.Contains(r.host, ":") {
		add("--globoff")
	}
	switch {
	case r.version == flow.HTTP10:
		add("--http1.0")
	case r.version == flow.HTTP11 && r.scheme == "https", r.upgrade:
		add("--http1.1")
	case r.version == flow.HTTP2 && r.scheme == "http":
		add("--http2-prior-knowledge")
	}
	switch {
	case r.method == "HEAD":
		add("--head")
	case r.method != "GET" || r.body != nil:
		add("-X", r.method)
	}
	if r.dial != "" {
		host, port, _ := net.SplitHostPort(r.dial)
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		add("--connect-to", "::"+host+":"+port)
	}
	if !plainTarget(r.target) {
		add("--request-target", r.target)
	}
	switch {
	case r.hostLine == "":
		add("-H", "Host:")
	case r.ownHost():
		add("-H", "Host: "+r.hostLine)
	}
	for _, f := range r.fields {
		if f.Value == "" {
			add("-H", f.Name+";")
		} else {
			add("-H", f.Name+": "+f.Value)
		}
	}
	unless := []string{"User-Agent", "Accept"}
	if r.body != nil {
		unless = append(unless, "Content-Type")
		if r.body.Size() >= expects {
			unless = append(unless, "Expect")
		}
	}
	for _, name := range unless {
		if !r.fields.Has(name) {
			add("-H", name+":") // curl adds none of its own
		}
	}
	if r.fields.Has("Accept-Encoding") {
		add("--compressed")
	}
	return args
}

// commandLine is a program with its arguments and what it reads.
type commandLine struct {
	program string
	args    []string
	input   string // that printf gives it
	file    string // that is its standard input
}

func (w *Writer) line(l commandLine) error {
	if l.input != "" {
		w.out.WriteString("printf '" + printfText(l.input) + "' | ")
	}
	w.out.WriteString(l.program + " " + words(l.args))
	if l.file != "" {
		w.out.WriteString(" < " + word(l.file))
	}
	_, err := w.out.WriteString("\n")
	return err
}
