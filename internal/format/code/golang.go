package code

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"midstream/flow"
)

const goHead = `package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
)

func main() {
`

// goSend is what a program ends with. It sends requests one by one, follows no
// redirect and changes no coding.
const goSend = `
// send sends one request. address is where it connects to; "" is what u says.
func send(method string, u *url.URL, host, address string, http2 bool, header, trailer http.Header, body []byte) {
	request := &http.Request{Method: method, URL: u, Host: host, Header: header, Trailer: trailer}
	if body != nil {
		request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		if len(body) == 0 {
			request.Body = http.NoBody
		}
		if trailer != nil {
			request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(body)), -1
		}
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableCompression: true, ForceAttemptHTTP2: http2}
	if !http2 {
		transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	if address != "" {
		transport.Proxy = nil
		transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		}
	}
	response, err := transport.RoundTrip(request)
	check(err)
	defer response.Body.Close()
	fmt.Fprintln(os.Stderr, response.Status, response.Header)
	_, err = io.Copy(os.Stdout, response.Body)
	check(err)
}

func parse(target string) *url.URL {
	u, err := url.Parse(target)
	check(err)
	return u
}

func decode(text string) []byte {
	b, err := base64.StdEncoding.DecodeString(text)
	check(err)
	return b
}

func read(name string) []byte {
	b, err := os.ReadFile(name)
	check(err)
	return b
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
`

// golang writes a program of Go with its standard library.
func (w *Writer) golang(r *request) error {
	if r.method == "" || strings.HasPrefix(r.target, "//") && !sameTarget(r) {
		return unfit("its target %q is none that net/http sends", r.target)
	}
	if strings.ContainsFunc(r.target, control) || strings.Contains(r.target, "\t") {
		return unfit("its target has control characters")
	}
	if r.version == flow.HTTP10 {
		r.lose("the version HTTP/1.0")
	}
	body, err := w.goBody(r)
	if err != nil {
		return err
	}
	if len(r.trailers) > 0 && r.body == nil {
		r.lose("trailers of the request")
		r.trailers = nil
	}
	if w.count == 0 {
		w.out.WriteString(goHead)
	}
	target := "parse(" + latin1(r.root()+r.target) + ")"
	if !sameTarget(r) {
		target = fmt.Sprintf("&url.URL{Scheme: %s, Host: %s, Opaque: %s}", latin1(r.scheme), latin1(r.authority()), latin1(r.target))
	}
	host := ""
	if r.ownHost() {
		host = r.hostLine
	}
	fmt.Fprintf(w.out, "\tsend(%s, %s, %s, %s, %t,\n\t\t%s,\n\t\t%s,\n\t\t%s)\n", latin1(r.method), target, latin1(host), latin1(r.dial),
		r.version >= flow.HTTP2, goHeader(r.fields, "User-Agent"), goHeader(r.trailers, ""), body)
	return nil
}

// sameTarget tells whether net/url keeps the target as it is.
func sameTarget(r *request) bool {
	u, err := url.Parse(r.root() + r.target)
	return err == nil && u.RequestURI() == r.target && u.Fragment == "" && u.Host == r.authority() && !strings.HasSuffix(r.target, "#")
}

// goHeader writes fields as an http.Header; nil without any. One that is named
// empty is not sent.
func goHeader(fields flow.Fields, empty string) string {
	if len(fields) == 0 && empty == "" {
		return "nil"
	}
	var order []string
	values := http.Header{}
	for _, f := range fields {
		name := http.CanonicalHeaderKey(f.Name)
		if values[name] == nil {
			order = append(order, name)
		}
		values[name] = append(values[name], f.Value)
	}
	if empty != "" && values[empty] == nil {
		order, values[empty] = append(order, empty), []string{""}
	}
	var b strings.Builder
	b.WriteString("http.Header{")
	for i, name := range order {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(latin1(name) + ": {")
		for j, v := range values[name] {
			if j > 0 {
				b.WriteString(", ")
			}
			b.WriteString(latin1(v))
		}
		b.WriteString("}")
	}
	return b.String() + "}"
}

// goBody is an expression for the body.
func (w *Writer) goBody(r *request) (string, error) {
	if r.body == nil {
		return "nil", nil
	}
	c, err := w.content(r)
	switch {
	case err != nil:
		return "", err
	case c.file != "":
		return "read(" + latin1(c.file) + ")", nil
	case c.size == 0:
		return "[]byte{}", nil
	case c.text():
		var list []string
		for _, l := range lines(c.octets) {
			list = append(list, latin1(l))
		}
		return "[]byte(" + strings.Join(list, " +\n\t\t\t") + ")", nil
	}
	var list []string
	for _, l := range base64Lines(c.octets) {
		list = append(list, `"`+l+`"`)
	}
	return "decode(" + strings.Join(list, " +\n\t\t\t") + ")", nil
}
