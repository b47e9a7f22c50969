package e2e

import (
	"context"
	"os/exec"
	"strings"
	"testing"
)

// openssl verifies the chain with code of its own, and shows the names.
func TestOpenSSLClient(t *testing.T) {
	program := need(t, "openssl")
	t.Parallel()
	o := newOrigin(t)
	p := start(t)
	target := strings.TrimPrefix(o.HTTPS, "https://")
	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		cmd := exec.CommandContext(ctx, program, "s_client", "-proxy", p.Addr, "-connect", target, "-servername", "localhost",
			"-CAfile", p.CA, "-verify_return_error", "-verify_hostname", "localhost", "-quiet", "-ign_eof", version)
		cmd.Stdin = strings.NewReader("GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "HTTP/1.1 200 OK") || !strings.Contains(string(out), "hello\n") {
			t.Errorf("s_client %s: %v\n%s", version, err, out)
		}
	}
	// The origin's own names are in the certificate too.
	out := run(t, nil, "sh", "-c", `"$0" s_client -proxy "$1" -connect "$2" -servername localhost -CAfile "$3" </dev/null 2>/dev/null | "$0" x509 -noout -text`, program, p.Addr, target, p.CA)
	for _, want := range []string{"DNS:localhost", "DNS:also.test", "X509v3 Subject Alternative Name: critical", "CN = midstream"} {
		if !strings.Contains(out, want) {
			t.Errorf("the certificate lacks %q:\n%s", want, out)
		}
	}
	p.recorded().flow("/hello").completed()
}
