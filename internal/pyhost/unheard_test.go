package pyhost

import (
	"strings"
	"testing"
)

// A script that has hooks of DNS, UDP and QUIC loads and works; one line for each reason
// says that they never come, and where that stands.
func TestHooksThatNeverComeAreTold(t *testing.T) {
	t.Parallel()
	r := newRig(t, `
def dns_request(flow): pass
def dns_response(flow): pass
def dns_error(flow): pass
def next_layer(data): pass

class More:
    def udp_start(self, flow): pass
    def udp_message(self, flow): pass
    def quic_start_server(self, data): pass
    def tls_start_server(self, data): pass
    def request(self, flow): print("ran")

addons = [More()]
`)
	r.must(r.trip("GET", "http://a.test/"), "")
	log := r.log.String()
	for _, want := range []string{
		"the hooks dns_request, dns_response, dns_error are never called: there is no DNS mode (row dns_request of docs/from-mitmproxy.md)",
		"the hook next_layer is never called: midstream's protocol layers are not scriptable",
		"more: the hooks udp_start, udp_message are never called: UDP does not pass through midstream (row udp_start of docs/from-mitmproxy.md)",
		"more: the hook quic_start_server is never called: there is no QUIC (row quic_start_server of docs/from-mitmproxy.md)",
		"more: the hook tls_start_server gets no OpenSSL object: midstream does TLS itself, and ssl_conn is None: set conn.sni",
	} {
		if strings.Count(log, want) != 1 {
			t.Errorf("the log has not once %q", want)
		}
	}
	r.prints("ran\n")
	if t.Failed() {
		t.Log(log)
	}
}
