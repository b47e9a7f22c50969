package svcb

import (
	"bytes"
	"fmt"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"midstream/flow"
	"midstream/hook"
)

// answer is a message with one HTTPS record, and one of a kind that nobody knows.
func answer(t testing.TB, params ...dnsmessage.SVCParam) []byte {
	t.Helper()
	name := dnsmessage.MustNewName("a.test.")
	head := dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET, TTL: 300}
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: 7, Response: true, RecursionAvailable: true},
		Questions: []dnsmessage.Question{{Name: name, Type: dnsmessage.TypeHTTPS, Class: dnsmessage.ClassINET}},
		Answers: []dnsmessage.Resource{
			{Header: head, Body: &dnsmessage.HTTPSResource{SVCBResource: Record{Priority: 1, Target: dnsmessage.MustNewName("."), Params: params}}},
			{Header: head, Body: &dnsmessage.UnknownResource{Type: 46, Data: []byte("signature")}},
		},
	}
	p, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func param(key dnsmessage.SVCParamKey, value string) dnsmessage.SVCParam {
	return dnsmessage.SVCParam{Key: key, Value: []byte(value)}
}

func TestWhatIsTakenOut(t *testing.T) {
	const (
		mandatory, alpn, noDefault, port, ech = dnsmessage.SVCParamMandatory, dnsmessage.SVCParamALPN, dnsmessage.SVCParamNoDefaultALPN, dnsmessage.SVCParamPort, dnsmessage.SVCParamECH
	)
	for name, c := range map[string]struct {
		change     func(*Record) bool
		was, wants []dnsmessage.SVCParam
	}{
		"ech":                        {StripECH, []dnsmessage.SVCParam{param(alpn, "\x02h2"), param(ech, "key")}, []dnsmessage.SVCParam{param(alpn, "\x02h2")}},
		"ech that was mandatory":     {StripECH, []dnsmessage.SVCParam{param(mandatory, "\x00\x01\x00\x05"), param(alpn, "\x02h2"), param(ech, "key")}, []dnsmessage.SVCParam{param(mandatory, "\x00\x01"), param(alpn, "\x02h2")}},
		"ech that alone was it":      {StripECH, []dnsmessage.SVCParam{param(mandatory, "\x00\x05"), param(ech, "key")}, nil},
		"no ech":                     {StripECH, []dnsmessage.SVCParam{param(port, "\x01\xbb")}, nil},
		"h3 of two":                  {StripH3, []dnsmessage.SVCParam{param(alpn, "\x02h3\x02h2\x05h3-29")}, []dnsmessage.SVCParam{param(alpn, "\x02h2")}},
		"h3 alone":                   {StripH3, []dnsmessage.SVCParam{param(alpn, "\x02h3"), param(noDefault, ""), param(port, "\x01\xbb")}, []dnsmessage.SVCParam{param(port, "\x01\xbb")}},
		"no h3":                      {StripH3, []dnsmessage.SVCParam{param(alpn, "\x02h2")}, nil},
		"what is no list is not h3":  {StripH3, []dnsmessage.SVCParam{param(alpn, "\x09h3")}, nil},
		"an empty name in the list":  {StripH3, []dnsmessage.SVCParam{param(alpn, "\x00\x02h3")}, nil},
		"no protocols in the record": {StripH3, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			was := answer(t, c.was...)
			now, changed, err := Edit(was, c.change)
			if err != nil {
				t.Fatal(err)
			}
			want := was
			if c.wants != nil || name == "ech that alone was it" {
				want = answer(t, c.wants...)
			}
			if changed != !bytes.Equal(want, was) || !bytes.Equal(now, want) {
				t.Errorf("changed %v:\n% x, want\n% x", changed, now, want)
			}
		})
	}
}

// A response that is no message, was not held, or is packed, stays or is packed again.
func TestApply(t *testing.T) {
	full, short := answer(t, param(dnsmessage.SVCParamECH, "key")), answer(t)
	for name, c := range map[string]struct {
		body    []byte
		access  hook.Access
		want    []byte
		finding string
	}{
		"an answer":    {full, hook.Editable, short, ""},
		"without it":   {short, hook.Editable, short, ""},
		"nothing":      {nil, hook.Editable, nil, ""},
		"no DNS":       {[]byte("<html>"), hook.Editable, []byte("<html>"), "dns-unchanged"},
		"far too long": {make([]byte, maxMessage+1), hook.Editable, make([]byte, maxMessage+1), "dns-unchanged"},
		"sent already": {full, hook.ReadOnly, full, "dns-unchanged"},
	} {
		t.Run(name, func(t *testing.T) {
			x, ctl := hook.NewExchange(flow.Request{}, nil, nil, func() {})
			x.Response = hook.MakeResponse(200, flow.Fields{{Name: "Content-Type", Value: "application/dns-message; q=1"}}, c.body)
			if c.access == hook.ReadOnly {
				ctl.Seal(&x.Response.Body, func(string) {})
			}
			changed := Apply(x, StripECH)
			p, err := x.Response.Content()
			codes := ""
			for _, f := range x.Findings() {
				codes += f.Code
			}
			if err != nil || !Answers(&x.Response.Message) || changed != !bytes.Equal(c.body, c.want) || !bytes.Equal(p, c.want) || codes != c.finding {
				t.Errorf("changed %v, %q, %v, findings %q", changed, p, err, codes)
			}
		})
	}
}

func FuzzEdit(f *testing.F) {
	f.Add(answer(f, param(dnsmessage.SVCParamALPN, "\x02h3\x02h2"), param(dnsmessage.SVCParamECH, "key")))
	f.Add([]byte("short"))
	f.Fuzz(func(t *testing.T, p []byte) {
		both := func(r *Record) bool { a, b := StripECH(r), StripH3(r); return a || b }
		now, changed, err := Edit(p, both)
		if err != nil || !changed {
			return
		}
		again, changed, err := Edit(now, both)
		if err != nil || changed || !bytes.Equal(again, now) {
			t.Errorf("a second time: changed %v, %v", changed, fmt.Sprint(err))
		}
	})
}
