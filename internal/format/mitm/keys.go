package mitm

import (
	"slices"

	"midstream/internal/format/tnet"
)

// The keys of version 21. mitmproxy refuses a flow that has others.
var (
	flowKeys = []string{"version", "type", "id", "error", "client_conn", "server_conn", "intercepted", "is_replay", "marked",
		"metadata", "comment", "timestamp_created", "backup"}
	connKeys = []string{"peername", "sockname", "id", "transport_protocol", "error", "tls", "certificate_list", "alpn", "alpn_offers",
		"cipher", "cipher_list", "tls_version", "sni", "timestamp_start", "timestamp_end", "timestamp_tls_setup"}
	clientKeys   = append(slices.Clone(connKeys), "mitmcert", "proxy_mode")
	serverKeys   = append(slices.Clone(connKeys), "address", "timestamp_tcp_setup", "via")
	requestKeys  = []string{"http_version", "headers", "content", "trailers", "timestamp_start", "timestamp_end", "host", "port", "method", "scheme", "authority", "path"}
	responseKeys = []string{"http_version", "headers", "content", "trailers", "timestamp_start", "timestamp_end", "status_code", "reason"}
	closingKeys  = []string{"messages", "closed_by_client", "close_code", "close_reason", "timestamp_end"}
	dnsKeys      = []string{"id", "query", "op_code", "authoritative_answer", "truncation", "recursion_desired", "recursion_available",
		"reserved", "response_code", "questions", "answers", "authorities", "additionals", "timestamp"}
	errorKeys = []string{"msg", "timestamp"}
)

// known are the keys of the dictionary at path of a flow of a type; nil lets
// all pass.
func known(kind, path string) []string {
	switch path {
	case "":
		switch kind {
		case "http":
			return append(slices.Clone(flowKeys), "request", "response", "websocket")
		case "dns":
			return append(slices.Clone(flowKeys), "request", "response")
		case "tcp", "udp":
			return append(slices.Clone(flowKeys), "messages")
		}
	case "client_conn":
		return clientKeys
	case "server_conn":
		return serverKeys
	case "error":
		return errorKeys
	case "websocket":
		return closingKeys
	case "request", "response":
		switch {
		case kind == "dns":
			return dnsKeys
		case path == "request":
			return requestKeys
		}
		return responseKeys
	}
	return nil
}

// strip takes out the keys that the newest version does not have, and returns
// their names.
func strip(v *tnet.Value, path string) (lost []string) {
	return stripOf(v, text(v, "type"), path)
}

func stripOf(v *tnet.Value, kind, path string) (lost []string) {
	keys := known(kind, path)
	if keys == nil {
		return nil
	}
	for _, e := range slices.Clone(v.Entries()) {
		name := e.Key
		if path != "" {
			name = path + "." + e.Key
		}
		if !slices.Contains(keys, e.Key) {
			v.Remove(e.Key)
			lost = append(lost, name)
			continue
		}
		if path == "" && e.Value.Tag() == tnet.Dict {
			lost = append(lost, stripOf(v.Key(e.Key), kind, e.Key)...)
		}
	}
	return lost
}
