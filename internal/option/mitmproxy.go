package option

// State is how far an option of mitmproxy goes here.
type State uint8

// The states.
const (
	Works   State = iota // the same name, the same meaning
	Renamed              // something else does it; Note says what
	Missing              // not there yet; Note says what helps meanwhile
	Moot                 // nothing is left for it to do
)

func (s State) String() string {
	switch s {
	case Works:
		return "works"
	case Renamed:
		return "renamed"
	case Missing:
		return "not there yet"
	case Moot:
		return "not needed"
	}
	return "?"
}

// Row is one option of mitmproxy.
type Row struct {
	Name  string
	State State
	// Note says what differs (Works, may be empty) or what to do instead.
	Note string
}

// Mitmproxy returns all options of mitmproxy, in the order of its own groups.
func Mitmproxy() []Row {
	return []Row{
		{"server", Works, "`-n` too"},
		{"mode", Works, "`regular`, `upstream`, `socks5`, `transparent` (Linux) and `reverse` to http, https, tcp and tls; the other modes are not there yet"},
		{"listen_host", Works, "empty is 127.0.0.1 and ::1, not every address"},
		{"listen_port", Works, ""},
		{"confdir", Works, "`~/.midstream`; it cannot be set in the file that lies in it"},
		{"showhost", Works, ""},
		{"ignore_hosts", Works, "Python's regular expressions, lookaround too. In reverse mode they are searched for in the target, its address and the client's server name"},
		{"allow_hosts", Works, ""},
		{"show_ignored_hosts", Works, ""},
		{"tcp_hosts", Works, ""},
		{"udp_hosts", Missing, "there is no UDP yet"},
		{"rawtcp", Moot, "a tunnel that is neither TLS nor HTTP is always a raw one"},
		{"connection_strategy", Works, ""},
		{"connect_addr", Works, ""},
		{"keep_host_header", Works, ""},
		{"keep_alt_svc_header", Works, "without it HTTP/3 is left out, as midstream does not serve it"},
		{"tcp_timeout", Works, "a plain number is seconds; units work too, as 10m"},
		{"proxy_debug", Renamed, "`-v`, or termlog_verbosity=debug; the old name is taken for that"},
		{"upstream_auth", Works, "Digest and NTLM as well as Basic; a parent gets it when it asks. One parent only: others get theirs by upstream_routes. `@FILE` reads it from a file"},
		{"proxyauth", Works, "without ldap; htpasswd takes apr1 as well. A wrong password is answered after a second"},
		{"block_global", Works, ""},
		{"block_private", Works, ""},

		{"certs", Works, ""},
		{"cert_passphrase", Works, "never printed; `@FILE` reads it from a file"},
		{"upstream_cert", Works, ""},
		{"add_upstream_certs_to_client_chain", Missing, "clients get the chain of our own CA"},
		{"client_certs", Works, ""},
		{"request_client_cert", Missing, "clients are not asked for a certificate"},
		{"ssl_insecure", Works, ""},
		{"ssl_verify_upstream_trusted_ca", Works, ""},
		{"ssl_verify_upstream_trusted_confdir", Works, "every PEM file in the folder counts, whatever its name"},
		{"key_size", Renamed, "key_type=rsa makes RSA keys of 2048 bits; key_size=2048 is taken for that"},
		{"ciphers_client", Missing, "tls_version_client_min and _max bound the version"},
		{"ciphers_server", Missing, "tls_version_server_min and _max bound the version, tls_legacy_hosts lets old servers in"},
		{"tls_version_client_min", Works, "without SSL3"},
		{"tls_version_client_max", Works, "without SSL3"},
		{"tls_version_server_min", Works, "without SSL3"},
		{"tls_version_server_max", Works, "without SSL3"},
		{"tls_ecdh_curve_client", Missing, "the curves are those of the TLS library"},
		{"tls_ecdh_curve_server", Missing, "the curves are those of the TLS library"},

		{"http2", Works, "without TLS, too, where the client begins with it; CONNECT and WebSocket pass on streams"},
		{"http2_ping_keepalive", Works, "clients are asked like servers; without a request open nobody is"},
		{"http3", Missing, "connections speak HTTP/1.1 or HTTP/2, as with http3=false"},
		{"websocket", Missing, "messages are always listed, and hooks get them where a script has one, as with websocket=true"},
		{"http_connect_send_host_header", Works, ""},
		{"normalize_outbound_headers", Missing, "names of fields leave as they came"},
		{"validate_inbound_headers", Renamed, "http_profile=tolerant or strict; false and true are taken for these. Ambiguous framing passes in neither"},
		{"strip_ech", Works, "off unless it is asked for; in answers of DNS over HTTPS, as there is no DNS mode yet"},
		{"dns_use_hosts_file", Missing, "there is no DNS mode yet"},
		{"dns_name_servers", Missing, "there is no DNS mode yet"},

		{"stream_large_bodies", Works, "`--stream SIZE` too; without it every body streams as well, and is recorded as it passes"},
		{"store_streamed_bodies", Works, ""},
		{"body_size_limit", Works, ""},

		{"anticache", Works, ""},
		{"anticomp", Works, ""},
		{"block_list", Works, "it is asked again about the target where something has sent the request elsewhere"},
		{"client_replay", Works, "HARs and sessions too. A response becomes a new flow, beside the old one; `midstream replay` does it without a proxy"},
		{"client_replay_concurrency", Works, "numbers above 1 too"},
		{"server_replay", Works, "HARs and sessions too; nothing is dialled for what is answered"},
		{"server_replay_extra", Works, ""},
		{"server_replay_kill_extra", Works, ""},
		{"server_replay_nopop", Works, ""},
		{"server_replay_reuse", Works, ""},
		{"server_replay_ignore_content", Works, ""},
		{"server_replay_ignore_host", Works, ""},
		{"server_replay_ignore_port", Works, ""},
		{"server_replay_refresh", Works, ""},
		{"server_replay_use_headers", Works, ""},
		{"server_replay_ignore_params", Works, ""},
		{"server_replay_ignore_payload_params", Works, ""},
		{"map_remote", Works, "the request is rewritten before its body comes, unless its filter asks for that"},
		{"map_local", Works, "ranges work; nothing outside the folder is read, whatever a link says"},
		{"modify_body", Works, "on streams too, without waiting for their end; a script sees the body that was changed"},
		{"modify_headers", Works, "a field that is there keeps its place"},
		{"intercept", Works, "single messages of streams are held, too"},
		{"intercept_active", Works, "setting intercept does not set it"},
		{"stickyauth", Works, "by host and port"},
		{"stickycookie", Works, "Max-Age and Expires count while they are remembered, too"},
		{"onboarding", Works, "the page is at http://midstream.internal/ too, and at the listener's own address"},
		{"onboarding_host", Works, ""},
		{"export_preserve_original_ip", Works, "for curl, and for python and go too"},
		{"rfile", Works, "HARs and sessions too"},
		{"readfile_filter", Works, ""},
		{"save_stream_file", Works, "`-w` too; FILTER limits what is written as well"},
		{"save_stream_filter", Works, ""},
		{"hardump", Works, ""},
		{"scripts", Works, "Python, JavaScript and TypeScript; python.md tells what differs"},
		{"keepserving", Works, ""},
		{"command_history", Missing, "there are no interactive commands yet"},
		{"termlog_verbosity", Works, ""},
		{"content_view_lines_cutoff", Works, ""},
		{"protobuf_definitions", Works, ""},
		{"view_filter", Works, "a window of the page begins with it; `flows list` takes one, too"},
		{"view_order", Missing, "the page keeps its order"},
		{"view_order_reversed", Missing, "the page keeps its order"},

		{"console_default_contentview", Missing, noConsole},
		{"console_eventlog_verbosity", Missing, noConsole},
		{"console_layout", Missing, noConsole},
		{"console_layout_headers", Missing, noConsole},
		{"console_focus_follow", Missing, noConsole},
		{"console_palette", Missing, noConsole},
		{"console_palette_transparent", Missing, noConsole},
		{"console_mouse", Missing, noConsole},
		{"console_flowlist_layout", Missing, noConsole},
		{"console_strip_trailing_newlines", Missing, noConsole},
		{"console_quickhelp_visible", Missing, noConsole},

		{"web_port", Works, ""},
		{"web_host", Works, ""},
		{"web_open_browser", Works, "only from a terminal on a machine with a display"},
		{"web_debug", Missing, "the page has nothing that it would switch on"},
		{"web_password", Works, "as it is, or a bcrypt hash; argon2 is not read"},
		{"web_columns", Missing, "columns are chosen in the page, which keeps them"},
		{"web_theme", Missing, "the page goes with the system, or as it is chosen there"},
		{"web_static_viewer", Missing, "sessions and flow files are opened in the page instead"},

		{"flow_detail", Works, "from 3 on messages are printed while they pass"},
		{"dumper_default_contentview", Works, "the names are midstream's: hex for Hex Dump, xml for XML/HTML, form for URL-encoded"},
		{"dumper_filter", Works, ""},
	}
}

const (
	noConsole = "there is no terminal interface yet"
)
