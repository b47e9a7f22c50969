package code

import (
	"fmt"
	"net"
	"strings"

	"midstream/flow"
)

// python writes a program for Python 3.8 and later with what comes with it.
func (w *Writer) python(r *request) error {
	var b strings.Builder
	b.WriteString("import base64, http.client, socket, ssl, sys\n\n")
	// What http.client refuses to send or would escape is sent as it was.
	raw := strings.ContainsFunc(r.target, func(c rune) bool { return c <= ' ' || c >= 0x7f })
	class := "http.client.HTTPConnection"
	if r.scheme == "https" {
		class = "http.client.HTTPSConnection"
	}
	if raw {
		fmt.Fprintf(&b, "class Connection(%s):\n    def _validate_path(self, url):\n        pass\n\n    def _encode_request(self, request):\n        return request.encode(\"latin-1\")\n\n\n", class)
		class = "Connection"
	}
	fmt.Fprintf(&b, "connection = %s(%s, %d)\n", class, latin1(r.host), r.port)
	if r.dial != "" {
		host, port, _ := net.SplitHostPort(r.dial)
		fmt.Fprintf(&b, "connection.sock = socket.create_connection((%s, %s))\n", latin1(host), port)
		if r.scheme == "https" {
			fmt.Fprintf(&b, "connection.sock = ssl.create_default_context().wrap_socket(connection.sock, server_hostname=%s)\n", latin1(r.host))
		}
	}
	if r.version == flow.HTTP10 {
		b.WriteString("connection._http_vsn, connection._http_vsn_str = 10, \"HTTP/1.0\"\n")
	}
	fmt.Fprintf(&b, "connection.putrequest(%s, %s, skip_host=True, skip_accept_encoding=True)\n", latin1(r.method), latin1(r.target))
	if r.hostLine != "" {
		fmt.Fprintf(&b, "connection.putheader(\"Host\", %s)\n", latin1(r.hostLine))
	}
	for _, f := range r.fields {
		fmt.Fprintf(&b, "connection.putheader(%s, %s)\n", latin1(f.Name), latin1(f.Value))
	}
	body, err := w.pythonBody(r, &b)
	if err != nil {
		return err
	}
	b.WriteString("connection.endheaders()\n" + body)
	b.WriteString("response = connection.getresponse()\nprint(response.status, response.reason, response.headers, file=sys.stderr)\nsys.stdout.buffer.write(response.read())\n")
	if w.count > 0 {
		w.out.WriteString("\n")
	}
	_, err = w.out.WriteString(b.String())
	return err
}

// pythonBody writes what makes the body and its framing, and returns what sends it.
func (w *Writer) pythonBody(r *request, b *strings.Builder) (send string, err error) {
	if r.body == nil {
		if len(r.trailers) > 0 {
			r.lose("trailers of the request")
		}
		return "", nil
	}
	c, err := w.content(r)
	if err != nil {
		return "", err
	}
	switch {
	case c.file != "":
		fmt.Fprintf(b, "body = open(%s, \"rb\").read()\n", pythonPath(c.file))
	case c.text():
		b.WriteString("body = (\n")
		for _, l := range lines(c.octets) {
			b.WriteString("    b" + latin1(l) + "\n")
		}
		if c.size == 0 {
			b.WriteString("    b\"\"\n")
		}
		b.WriteString(")\n")
	default:
		b.WriteString("body = base64.b64decode(\n")
		for _, l := range base64Lines(c.octets) {
			b.WriteString("    \"" + l + "\"\n")
		}
		b.WriteString(")\n")
	}
	if len(r.trailers) == 0 || r.version == flow.HTTP10 {
		if len(r.trailers) > 0 {
			r.lose("trailers of the request")
		}
		b.WriteString("connection.putheader(\"Content-Length\", str(len(body)))\n")
		return "connection.send(body)\n", nil
	}
	b.WriteString("connection.putheader(\"Transfer-Encoding\", \"chunked\")\n")
	send = "if body:\n    connection.send(b\"%x\\r\\n%b\\r\\n\" % (len(body), body))\nconnection.send(\n    b\"0\\r\\n\"\n"
	for _, t := range r.trailers {
		send += "    b" + latin1(t.Name+": "+t.Value) + " b\"\\r\\n\"\n"
	}
	return send + "    b\"\\r\\n\"\n)\n", nil
}

// pythonPath is the name of a file as the file system has it.
func pythonPath(name string) string { return "b" + latin1(name) }
