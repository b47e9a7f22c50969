package e2e

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"strings"
	"testing"
)

// A device gets the certificate before it trusts anything, and the page knows
// when it does.
func TestOnboarding(t *testing.T) {
	t.Parallel()
	curl := need(t, "curl")
	p := start(t)
	pemText, err := os.ReadFile(p.CA)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range [][]string{
		{"-x", p.URL(), "http://mitm.it/cert/pem"},
		{"-x", p.URL(), "http://midstream.internal/cert/pem"},
		{"-x", p.URL(), "-k", "https://mitm.it/cert/pem"},
		{p.URL() + "/cert/pem"},
		{"-x", p.URL(), p.URL() + "/cert/pem"}, // a device whose proxy is set already
		{"-k", "https://" + p.Addr + "/cert/pem"},
	} {
		if got := run(t, nil, curl, append([]string{"-sS"}, line...)...); got != string(pemText) {
			t.Errorf("curl %s: %.100s", strings.Join(line, " "), got)
		}
	}
	block, _ := pem.Decode(pemText)
	if got := run(t, nil, curl, "-sS", p.URL()+"/cert/cer"); got != string(block.Bytes) {
		t.Error("the DER form is another certificate")
	}
	if _, err := x509.ParseCertificate(block.Bytes); err != nil {
		t.Error(err)
	}
	page := run(t, nil, curl, "-sS", "-x", p.URL(), "-A", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X)", "http://mitm.it/")
	if !strings.Contains(page, "Your device: iPhone or iPad") {
		t.Errorf("the page:\n%s", page)
	}
	secure := run(t, nil, curl, "-sS", "-x", p.URL(), "--cacert", p.CA, "https://midstream.internal/")
	for _, want := range []string{"This page has come over HTTPS", "TLS 1.3", "HTTP/2 fingerprint"} {
		if !strings.Contains(secure, want) {
			t.Errorf("over https the page does not show %q", want)
		}
	}
	if _, _, err := attempt(t, nil, curl, "-sS", "-x", p.URL(), "https://midstream.internal/trust.svg"); err == nil {
		t.Error("a client that does not trust the CA sees the picture that says that it does")
	}
	s := p.recorded()
	s.flow("http://mitm.it/cert/pem").completed()
	for _, f := range s.flows {
		if !strings.Contains(f.URL, "mitm.it") && !strings.Contains(f.URL, "midstream.internal") && !strings.Contains(f.URL, p.Addr) {
			t.Errorf("there is a flow for %s", f.URL)
		}
	}
}

// The page is there in the other modes that have proxies' clients.
func TestOnboardingInOtherModes(t *testing.T) {
	t.Parallel()
	curl := need(t, "curl")
	for mode, scheme := range map[string]string{"socks5": "socks5h://", "upstream:http://127.0.0.1:1": "http://"} {
		p := start(t, "--mode", mode)
		for _, line := range [][]string{{"http://" + p.Addr + "/"}, {"-x", scheme + p.Addr, "http://mitm.it/"}, {"-x", scheme + p.Addr, "--cacert", p.CA, "https://mitm.it/"}} {
			if page := run(t, nil, curl, append([]string{"-sS"}, line...)...); !strings.Contains(page, "Let this device trust midstream") {
				t.Errorf("%s: curl %s: %.200s", mode, strings.Join(line, " "), page)
			}
		}
	}
}

func TestOnboardingCanBeLeftOut(t *testing.T) {
	t.Parallel()
	curl := need(t, "curl")
	p := start(t, "--no-onboarding")
	if got := run(t, nil, curl, "-sS", p.URL()+"/cert/pem"); strings.Contains(got, "BEGIN CERTIFICATE") || !strings.Contains(got, "an HTTP proxy, and not a web server") {
		t.Errorf("got %s", got)
	}
}

// A browser that trusts the CA loads the picture that says so.
func TestOnboardingInABrowser(t *testing.T) {
	need(t, "chromium")
	t.Parallel()
	u := newcomer(t)
	args := []string{"browser", "--browser", "chromium", "http://mitm.it/", "--", "--headless", "--disable-gpu", "--disable-dev-shm-usage", "--dump-dom", "--virtual-time-budget=5000"}
	if os.Geteuid() == 0 {
		args = append(args, "--no-sandbox")
	}
	out, errs, err := attempt(t, u.env, binary, args...)
	if err != nil || !strings.Contains(out, "Your device: Linux") {
		t.Errorf("%v\n%s%s", err, out, errs)
	}
	u.recorded().flow("https://mitm.it/trust.svg").completed()
}
