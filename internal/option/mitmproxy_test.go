package option

import (
	"slices"
	"strings"
	"testing"
)

// theirOptions are the names of all options of mitmproxy, by its own groups.
const theirOptions = `
	server mode listen_host listen_port confdir showhost ignore_hosts allow_hosts show_ignored_hosts tcp_hosts udp_hosts rawtcp
	connection_strategy connect_addr keep_host_header keep_alt_svc_header tcp_timeout proxy_debug upstream_auth proxyauth
	block_global block_private

	certs cert_passphrase upstream_cert add_upstream_certs_to_client_chain client_certs request_client_cert ssl_insecure
	ssl_verify_upstream_trusted_ca ssl_verify_upstream_trusted_confdir key_size ciphers_client ciphers_server
	tls_version_client_min tls_version_client_max tls_version_server_min tls_version_server_max
	tls_ecdh_curve_client tls_ecdh_curve_server

	http2 http2_ping_keepalive http3 websocket http_connect_send_host_header normalize_outbound_headers
	validate_inbound_headers strip_ech dns_use_hosts_file dns_name_servers

	stream_large_bodies store_streamed_bodies body_size_limit

	anticache anticomp block_list client_replay client_replay_concurrency server_replay server_replay_extra
	server_replay_kill_extra server_replay_nopop server_replay_reuse server_replay_ignore_content server_replay_ignore_host
	server_replay_ignore_port server_replay_refresh server_replay_use_headers server_replay_ignore_params
	server_replay_ignore_payload_params map_remote map_local modify_body modify_headers intercept intercept_active
	stickyauth stickycookie onboarding onboarding_host export_preserve_original_ip rfile readfile_filter save_stream_file
	save_stream_filter hardump scripts keepserving command_history termlog_verbosity content_view_lines_cutoff
	protobuf_definitions view_filter view_order view_order_reversed

	console_default_contentview console_eventlog_verbosity console_layout console_layout_headers console_focus_follow
	console_palette console_palette_transparent console_mouse console_flowlist_layout console_strip_trailing_newlines
	console_quickhelp_visible

	web_port web_host web_open_browser web_debug web_password web_columns web_theme web_static_viewer

	flow_detail dumper_default_contentview dumper_filter`

func TestTheTableOfMitmproxyIsComplete(t *testing.T) {
	want := strings.Fields(theirOptions)
	var got []string
	for _, row := range Mitmproxy() {
		got = append(got, row.Name)
	}
	for _, name := range want {
		if !slices.Contains(got, name) {
			t.Errorf("%s has no row", name)
		}
	}
	for _, name := range got {
		if !slices.Contains(want, name) {
			t.Errorf("%s is no option of mitmproxy", name)
		}
	}
	if strings.Contains(MitmproxyMarkdown(), "| not there yet |  |") {
		t.Error("a row does not say why")
	}
}
