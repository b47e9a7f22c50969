package flow

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseVia(t *testing.T) {
	for text, want := range map[string]Via{
		"p.test":                         {Scheme: "http", Host: "p.test", Port: 80},
		"p.test:3128":                    {Scheme: "http", Host: "p.test", Port: 3128},
		"HTTP://p.test/":                 {Scheme: "http", Host: "p.test", Port: 80},
		"https://p.test":                 {Scheme: "https", Host: "p.test", Port: 443},
		"http://[::1]:3128":              {Scheme: "http", Host: "::1", Port: 3128},
		"http://[::1]":                   {Scheme: "http", Host: "::1", Port: 80},
		"http://u:p@p.test:1":            {Scheme: "http", Host: "p.test", Port: 1, User: "u", Password: "p"},
		"http://u%40x:a%3ab%25@p.test:1": {Scheme: "http", Host: "p.test", Port: 1, User: "u@x", Password: "a:b%"},
		"u:p@ss@p.test":                  {Scheme: "http", Host: "p.test", Port: 80, User: "u", Password: "p@ss"},
	} {
		got, err := ParseVia(text)
		if err != nil || *got != want {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
	for text, why := range map[string]string{
		"":                        "host",
		"ftp://p":                 "scheme",
		"http://":                 "host",
		"http://p:0":              "port",
		"http://p:x":              "port",
		"http://p/path":           "host",
		"http://::1:3128":         "host",
		"http://[::1":             "IPv6",
		"http://[p]":              "IPv6",
		"http://secret:secret@":   "host",
		"http://secret:%secret@p": "%25",
		"http://secret:secret%@p": "%25",
	} {
		_, err := ParseVia(text)
		if err == nil || !strings.Contains(err.Error(), why) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v, want %q", text, err, why)
		}
	}
}

func TestViaKeepsItsCredentials(t *testing.T) {
	v := &Via{Scheme: "http", Host: "::1", Port: 3128, User: "anna", Password: "secret"}
	for _, text := range []string{v.String(), fmt.Sprintf("%v", v), fmt.Sprintf("%+v", v), fmt.Sprintf("%#v", v), fmt.Sprintf("%+v", Request{Via: v})} {
		if strings.Contains(text, "secret") || strings.Contains(text, "anna") {
			t.Error(text)
		}
	}
	if v.String() != "http://[::1]:3128" {
		t.Error(v)
	}
}

func FuzzParseVia(f *testing.F) {
	for _, s := range []string{"p:1", "https://u:p@[::1]:3", "http://%41@h", "://", "@", "http://a@b@c:1/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := ParseVia(s)
		if err != nil {
			return
		}
		if v.Host == "" || v.Port == 0 {
			t.Fatalf("%q: %v", s, v)
		}
		again, err := ParseVia(v.String())
		if err != nil || again.String() != v.String() {
			t.Fatalf("%q: %s, then %v %v", s, v, again, err)
		}
	})
}
