package proxy

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"unicode/utf16"

	//lint:ignore SA1019 it is what NTLM is made of
	"golang.org/x/crypto/md4"
)

func utf16le(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

var serverChallenge = []byte("12345678")

// ntlmChallenge is the second message of the handshake, with a target name and
// target information that ends at once.
func ntlmChallenge() []byte {
	name := utf16le("PARENT")
	info := []byte{2, 0, byte(len(name)), 0}
	info = append(append(info, name...), 0, 0, 0, 0)
	m := []byte("NTLMSSP\x00\x02\x00\x00\x00")
	at := uint32(56)
	for _, p := range [][]byte{name} {
		m = binary.LittleEndian.AppendUint16(m, uint16(len(p)))
		m = binary.LittleEndian.AppendUint16(m, uint16(len(p)))
		m = binary.LittleEndian.AppendUint32(m, at)
	}
	m = binary.LittleEndian.AppendUint32(m, 0xa2898215)
	m = append(append(m, serverChallenge...), make([]byte, 8)...)
	m = binary.LittleEndian.AppendUint16(m, uint16(len(info)))
	m = binary.LittleEndian.AppendUint16(m, uint16(len(info)))
	m = binary.LittleEndian.AppendUint32(m, at+uint32(len(name)))
	m = append(m, 10, 0, 0x63, 0x45, 0, 0, 0, 15)
	return append(append(m, name...), info...)
}

// ntlmProves tells whether the third message proves the password of anna.
func ntlmProves(m []byte, password string) bool {
	if len(m) < 64 || string(m[:12]) != "NTLMSSP\x00\x03\x00\x00\x00" {
		return false
	}
	part := func(at int) []byte {
		n, off := int(binary.LittleEndian.Uint16(m[at:])), int(binary.LittleEndian.Uint32(m[at+4:]))
		if off+n > len(m) {
			return nil
		}
		return m[off : off+n]
	}
	answer, domain, user := part(20), part(28), part(36)
	if !bytes.Equal(user, utf16le("anna")) || len(answer) < 16 {
		return false
	}
	d := md4.New()
	d.Write(utf16le(password))
	key := hmac.New(md5.New, d.Sum(nil))
	key.Write(append(utf16le("ANNA"), domain...))
	proof := hmac.New(md5.New, key.Sum(nil))
	proof.Write(serverChallenge)
	proof.Write(answer[16:])
	return hmac.Equal(proof.Sum(nil), answer[:16])
}

// newNTLMParent is a parent that wants the handshake on each connection.
func newNTLMParent(t *testing.T, scheme, password string) *parentProxy {
	p := &parentProxy{t: t}
	p.port = rawOrigin(t, func(c net.Conn) {
		p.mu.Lock()
		p.conns++
		n := p.conns
		p.mu.Unlock()
		r := bufio.NewReader(c)
		for said := 0; ; {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			body := []byte(nil)
			if req.Method != "CONNECT" {
				body, _ = io.ReadAll(req.Body)
			}
			sent := req.Header.Get("Proxy-Authorization")
			p.mu.Lock()
			p.asked = append(p.asked, fmt.Sprintf("%d: %s %s %t", n, req.Method, req.RequestURI, sent != ""))
			p.mu.Unlock()
			message, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(sent, scheme+" "))
			field := scheme
			switch {
			case said == 2:
			case said == 0 && bytes.HasPrefix(message, []byte("NTLMSSP\x00\x01")):
				said, field = 1, scheme+" "+base64.StdEncoding.EncodeToString(ntlmChallenge())
			case said == 1 && ntlmProves(message, password):
				said = 2
			default:
				said = 0
			}
			switch {
			case said < 2:
				fmt.Fprintf(c, "HTTP/1.1 407 Who\r\nProxy-Authenticate: %s\r\nContent-Length: 2\r\n\r\nno", field)
			case req.Method == "CONNECT":
				p.tunnel(c, r, req.RequestURI)
				return
			default:
				page := req.Method + " " + req.RequestURI + " " + string(body)
				fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(page), page)
			}
		}
	})
	return p
}

// NTLM, and Negotiate that carries it, is a handshake on each connection to the
// parent; requests that are forwarded then go on it as they are, bodies and all.
func TestUpstreamNTLM(t *testing.T) {
	_, port := webOrigin(t, true)
	to := hostPort("shop.test", port)
	for _, scheme := range []string{"NTLM", "Negotiate"} {
		parent := newNTLMParent(t, scheme, "secret")
		r := throughParent(t, "http", parent, withCredentials)
		for range 2 {
			if got := r.visit("shop.test", port); !strings.HasPrefix(got, "200 ") {
				t.Fatalf("%s: %s", scheme, got)
			}
		}
		p := r.dial()
		for i, body := range []string{"", "abc", ""} {
			method, framing := "GET", ""
			if body != "" {
				method, framing = "POST", "Content-Length: 3\r\n"
			}
			p.send("%s http://a.test/%d HTTP/1.1\r\nHost: a.test\r\n%s\r\n%s", method, i+1, framing, body)
			if status, _, got := p.response(); status != 200 || got != fmt.Sprintf("%s http://a.test/%d %s", method, i+1, body) {
				t.Errorf("%s: %d %s", scheme, status, got)
			}
		}
		want := []string{"1: CONNECT " + to + " false", "1: CONNECT " + to + " true", "1: CONNECT " + to + " true",
			"2: CONNECT " + to + " true", "2: CONNECT " + to + " true",
			"3: OPTIONS http://a.test:80 true", "3: OPTIONS http://a.test:80 true",
			"3: GET http://a.test/1 false", "3: POST http://a.test/2 false", "3: GET http://a.test/3 false"}
		if got := parent.log(); strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s:\n%s\nwant\n%s", scheme, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// What the parent wants is learned from a forwarded request, too.
func TestUpstreamNTLMIsLearnedFromARequest(t *testing.T) {
	parent := newNTLMParent(t, "NTLM", "secret")
	r := throughParent(t, "http", parent, withCredentials)
	p := r.dial()
	for i := range 2 {
		p.send("POST http://a.test/%d HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc", i)
		if status, _, got := p.response(); status != 200 || got != fmt.Sprintf("POST http://a.test/%d abc", i) {
			t.Errorf("%d %s", status, got)
		}
	}
	get := newNTLMParent(t, "NTLM", "secret")
	r = throughParent(t, "http", get, withCredentials)
	p = r.dial()
	p.send("GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n")
	if status, _, got := p.response(); status != 200 || got != "GET http://a.test/ " {
		t.Errorf("%d %s\n%s", status, got, strings.Join(get.log(), "\n"))
	}
}

func TestUpstreamNTLMWithAWrongPassword(t *testing.T) {
	r := throughParent(t, "http", newNTLMParent(t, "NTLM", "another"), withCredentials)
	if got := r.visit("shop.test", 443); !strings.HasPrefix(got, "502 ") || !strings.Contains(got, "does not take the credentials (407); check upstream_auth") {
		t.Error(got)
	}
	p := r.dial()
	p.send("GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n")
	if status, _, got := p.response(); status != 502 || !strings.Contains(got, "does not take the credentials (407)") {
		t.Errorf("%d %s", status, got)
	}
}
