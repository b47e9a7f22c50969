package flowview

import (
	"crypto/tls"
	"testing"
	"time"

	"midstream/flow"
)

func TestCutPaths(t *testing.T) {
	at := time.Unix(1700000000, 250e6)
	secured := &flow.Conn{Peer: "[::1]:443", Local: "10.0.0.1:5", Address: "a.test:443", Via: "http://parent:3128", Connected: at,
		TLS: &flow.TLS{Version: tls.VersionTLS10, Cipher: tls.TLS_AES_128_GCM_SHA256, SNI: "a.test", ALPN: "h2", Certificates: [][]byte{{1}, {2}}}}
	f := &flow.Flow{
		Number: 7, Kind: flow.HTTP, Start: at, Replayed: flow.ServerReplayed, Outcome: flow.Outcome{Kind: flow.Failed, Text: "no route"},
		Client: &flow.Conn{Peer: "127.0.0.1:22"}, Server: secured,
		Request:  &flow.Request{Method: "get", Message: flow.Message{Fields: flow.Fields{{Name: "Host", Value: "b.test"}, {Name: "X", Value: "1"}, {Name: "x", Value: "2"}}}},
		Response: &flow.Response{Status: 204, Message: flow.Message{Trailers: flow.Fields{{Name: "Digest", Value: "d"}}}},
	}
	for name, want := range map[string]string{
		"number": "7", "type": "http", "error": "no route", "error.msg": "no route", "outcome": "failed", "is_replay": "response", "timestamp_created": "1700000000.25",
		"request.method": "get", "request.host_header": "b.test", "request.authority": "", "request.header[x]": "1, 2", "request.trailer[x]": "",
		"response.status_code": "204", "response.trailer[digest]": "d", "response.timestamp_end": "",
		"client_conn.peername": "127.0.0.1:22", "client_conn.address.host": "127.0.0.1", "client_conn.tls": "false", "client_conn.tls_version": "", "client_conn.sockname.port": "",
		"server_conn.peername.host": "::1", "server_conn.ip_address.port": "443", "server_conn.address": "a.test:443", "server_conn.address.host": "a.test",
		"server_conn.sockname": "10.0.0.1:5", "server_conn.via": "http://parent:3128", "server_conn.tls_established": "true", "server_conn.tls_version": "TLSv1",
		"server_conn.cipher": "TLS_AES_128_GCM_SHA256", "server_conn.sni": "a.test", "server_conn.alpn": "h2", "server_conn.timestamp_tcp_setup": "1700000000.25",
		"server_conn.certificate_list": "-----BEGIN CERTIFICATE-----\nAQ==\n-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nAg==\n-----END CERTIFICATE-----\n",
	} {
		paths, err := ParseCut(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if got := paths[0].text(f, paths[0].field); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		if bare := paths[0].text(&flow.Flow{}, "x"); bare != "" && name != "number" && name != "type" && name != "outcome" {
			t.Errorf("%s of a bare flow: %q", name, bare)
		}
	}
	for _, wrong := range []string{"", "nonsense", "request.header", "request.header[x", "request._x", "response.trailer", "client_conn.tls.x", "header[x]"} {
		if _, err := ParseCut(wrong); err == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
}
