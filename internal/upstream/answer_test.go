package upstream

import (
	"fmt"
	"strings"
	"testing"

	"midstream/flow"
)

// The examples of RFC 7616 section 3.9.1 and RFC 2069 as RFC 2617 has it.
func TestDigestVectors(t *testing.T) {
	via := &flow.Via{User: "Mufasa", Password: "Circle of Life"}
	const rfc7616 = `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=%s, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`
	for algorithm, response := range map[string]string{
		"MD5":     "8ca523f5e9506fed4657c9700eebdbec",
		"SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
	} {
		a := strongest(parseChallenges([]string{fmt.Sprintf(rfc7616, algorithm)}))
		got := a.digest(via, "GET", "/dir/index.html", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", 1)
		if !strings.Contains(got, `response="`+response+`", qop=auth, nc=00000001, cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", algorithm=`+algorithm+`, opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`) {
			t.Errorf("%s: %s", algorithm, got)
		}
	}
	old := &flow.Via{User: "Mufasa", Password: "CircleOfLife"}
	a := strongest(parseChallenges([]string{`Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"`}))
	if got := a.digest(old, "GET", "/dir/index.html", "x", 1); !strings.HasSuffix(got, `response="1949323746fe6a43ef61f9606e7febea"`) {
		t.Error(got)
	}
}

func TestStrongest(t *testing.T) {
	for _, c := range []struct{ fields, want string }{
		{`Basic realm="x"`, "basic"},
		{`basic`, "basic"},
		{`NTLM`, "ntlm"},
		{`Negotiate, NTLM`, "ntlm"},
		{`Negotiate`, "negotiate"},
		{`Negotiate YII=, Basic realm="a, b=\"c"`, "negotiate"},
		{`NTLM|Basic realm=x`, "ntlm"},
		{`Basic realm="x", Digest realm="y", nonce="1"`, "digest y"},
		{`Digest realm="y", nonce="1", algorithm=MD5, Digest realm="z", nonce="1", algorithm=SHA-256, Basic realm=q`, "digest z"},
		{`Digest realm="z", nonce="1", qop="auth-int"|Basic realm="q"`, "basic"},
		{`Digest realm="z", nonce="1", algorithm=WHIRLPOOL`, ""},
		{`Digest realm="z"`, ""},
		{`Digest realm="z, nonce="1"`, ""},
		{``, ""},
	} {
		a := strongest(parseChallenges(strings.Split(c.fields, "|")))
		got := ""
		if a != nil {
			got = a.challenge.scheme
			if got == "digest" {
				got += " " + a.challenge.params["realm"]
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.fields, got, c.want)
		}
	}
}

func TestAnswersCount(t *testing.T) {
	var a answers
	via := flow.Via{Host: "p", Port: 1, User: "u", Password: "p"}
	other := flow.Via{Host: "q", Port: 1, User: "u", Password: "p"}
	if a.field(via, "GET", "/") != "" {
		t.Error("answers unasked")
	}
	if unmet, _ := a.learn(via, parseChallenges([]string{"Kerberos", "Bearer"})); unmet != "kerberos, bearer" {
		t.Error(unmet)
	}
	if unmet, stale := a.learn(via, parseChallenges([]string{`Digest realm=r, nonce=n, qop=auth, stale=TRUE`})); unmet != "" || !stale {
		t.Error(unmet, stale)
	}
	if one, two := a.field(via, "GET", "/"), a.field(via, "GET", "/"); !strings.Contains(one, "nc=00000001") || !strings.Contains(two, "nc=00000002") {
		t.Error(one, two)
	}
	if a.field(other, "GET", "/") != "" {
		t.Error("another parent gets an answer")
	}
}

func FuzzParseChallenges(f *testing.F) {
	for _, s := range []string{`Basic realm="x"`, `Digest a=b, c="d\"e", Basic`, `Negotiate YII==, NTLM`, `Digest =`, `a b,,c`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		list := parseChallenges([]string{s})
		if len(list) > maxChallenges {
			t.Fatal(len(list))
		}
		if a := strongest(list); a != nil && !a.basic && !a.ntlm {
			got := a.digest(&flow.Via{User: s, Password: s}, "GET", s, "c", 1)
			if strings.ContainsAny(got, "\r\n\x00") && !strings.ContainsAny(a.challenge.params["algorithm"], "\r\n\x00") {
				t.Fatalf("%q", got)
			}
		}
	})
}
