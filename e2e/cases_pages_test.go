package e2e

import (
	"net"
	"strings"
	"testing"
)

// secret is what no page and no line of the log may show.
const secret = "s3cr3tv4lue"

// A page that the proxy makes shows what came from outside escaped, forbids
// scripts, and neither it nor the log has credentials, whatever went wrong.
func TestCasesPagesAndLogs(t *testing.T) {
	t.Parallel()
	p := startCases(t, "-v")
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := ln.Addr().String()
	ln.Close()
	breaking := newRawOrigin(t, p, false, func(c *peer) {
		headOctets(c.in)
		c.Write([]byte("HTTP/1.1 2<script>alert(1)</script>\r\nSet-Cookie: " + secret + "\r\n\r\n"))
	})
	const credentials = "Accept: text/html\r\nAuthorization: Bearer " + secret + "\r\nProxy-Authorization: Basic " + secret + "\r\nCookie: sid=" + secret + "\r\n"
	const markup = "<script>alert(1)</script>"
	for _, x := range []struct {
		name, in string
		status   string
	}{
		{"markup in a path", "GET http://" + closed + "/" + markup + "?" + markup + " HTTP/1.1\r\nHost: " + closed + "\r\n" + credentials + "\r\n", "502"},
		{"markup in a host", "GET http://" + markup + "/ HTTP/1.1\r\nHost: x\r\n" + credentials + "\r\n", "400"},
		{"markup in a method", markup + " http://" + closed + "/ HTTP/1.1\r\nHost: x\r\n" + credentials + "\r\n", "400"},
		{"markup in a version", "GET http://" + closed + "/ HTTP/" + markup + "\r\nHost: x\r\n" + credentials + "\r\n", "400"},
		{"markup in Host", "GET http://" + closed + "/ HTTP/1.1\r\nHost: " + markup + "\r\n" + credentials + "\r\n", "400"},
		{"markup in a field's name", "GET http://" + closed + "/ HTTP/1.1\r\nHost: x\r\n" + markup + ": x\r\n" + credentials + "\r\n", "400"},
		{"markup in the length", "GET http://" + closed + "/ HTTP/1.1\r\nHost: x\r\nContent-Length: " + markup + "\r\n" + credentials + "\r\n", "400"},
		{"markup in the coding", "GET http://" + closed + "/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: " + markup + "\r\n" + credentials + "\r\n", "400"},
		{"markup in the server's head", "GET http://" + breaking.Addr + "/ HTTP/1.1\r\nHost: x\r\n" + credentials + "\r\n", "502"},
		{"markup to a proxy that is no server", "GET /" + markup + " HTTP/1.1\r\nHost: x\r\n" + credentials + "\r\n", "400"},
		{"markup in CONNECT", "CONNECT " + markup + ":1 HTTP/1.1\r\nHost: x\r\n" + credentials + "\r\n", "400"},
		{"markup in a scheme", "GET " + markup + "://x/ HTTP/1.1\r\nHost: x\r\n" + credentials + "\r\n", "400"},
		{"user information and nobody listens", "GET http://me:" + secret + "@" + closed + "/ HTTP/1.1\r\nHost: x\r\n\r\n", "502"},
		{"user information and a bad port", "GET http://me:" + secret + "@x.test:99999/ HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
		{"user information and another scheme", "GET ftp://me:" + secret + "@x.test/ HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
		{"user information in Host", "GET http://" + closed + "/ HTTP/1.1\r\nHost: me:" + secret + "@x.test\r\n\r\n", "400"},
		{"user information in CONNECT", "CONNECT me:" + secret + "@x.test:443 HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
		{"user information and a bad version", "GET http://me:" + secret + "@x.test/ HTTP/x\r\nHost: x\r\n\r\n", "400"},
		{"user information and a space", "GET http://me:" + secret + "@x.test/a b HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
		{"credentials with a control character", "GET http://" + closed + "/ HTTP/1.1\r\nHost: x\r\nAuthorization: " + secret + "\x01\r\n\r\n", "400"},
		{"credentials without a colon", "GET http://" + closed + "/ HTTP/1.1\r\nHost: x\r\nAuthorization " + secret + "\r\n\r\n", "400"},
		{"credentials in a name", "GET http://" + closed + "/ HTTP/1.1\r\nHost: x\r\nCookie=" + secret + "(: x\r\n\r\n", "400"},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := dial(t, p)
			c.send(x.in)
			_, head := c.head()
			content, _, err := c.body("GET", head)
			if !strings.HasPrefix(head, "HTTP/1.1 "+x.status) || err != nil {
				t.Errorf("answered with %q, %v", head, err)
			}
			for _, want := range []string{"Content-Security-Policy: default-src 'none'", "X-Content-Type-Options: nosniff"} {
				if !strings.Contains(head, want) {
					t.Errorf("the head lacks %s: %q", want, head)
				}
			}
			if strings.Contains(head, "text/html") && strings.Contains(content, "<script") || strings.Contains(head+content, secret) {
				t.Errorf("the page is %q", content)
			}
			c.conn.Close()
		})
	}
	p.stop()
	// The flows on standard output have the heads as they were; the log is on
	// standard error.
	for line := range strings.Lines(p.stderr.String()) {
		if strings.Contains(line, secret) {
			t.Errorf("the log has %q", line)
		}
	}
}
