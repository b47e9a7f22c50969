"""mitmproxy's options and their defaults, for addons that read one that the proxy
does not have."""

DEFAULTS = {
    "add_upstream_certs_to_client_chain": False, "allow_hosts": [], "anticache": False, "anticomp": False,
    "block_global": True, "block_list": [], "block_private": False, "body_size_limit": None,
    "cert_passphrase": None, "certs": [], "ciphers_client": None, "ciphers_server": None, "client_certs": None,
    "client_replay": [], "client_replay_concurrency": 1, "command_history": True, "confdir": "~/.midstream",
    "connect_addr": None, "connection_strategy": "eager", "console_focus_follow": False, "content_view_lines_cutoff": 512,
    "dumper_default_contentview": "auto", "dumper_filter": None, "export_preserve_original_ip": False,
    "flow_detail": 1, "hardump": "", "http2": True, "http2_ping_keepalive": 58, "http3": True,
    "http_connect_send_host_header": True, "ignore_hosts": [], "intercept": None, "intercept_active": False,
    "keep_alt_svc_header": False, "keep_host_header": False, "keepserving": False, "key_size": 2048,
    "listen_host": "", "listen_port": None, "map_local": [], "map_remote": [], "mode": ["regular"],
    "modify_body": [], "modify_headers": [], "normalize_outbound_headers": True, "onboarding": True,
    "onboarding_host": "mitm.it", "proxy_debug": False, "proxyauth": None, "rawtcp": True, "readfile_filter": None,
    "request_client_cert": False, "rfile": None, "save_stream_file": None, "save_stream_filter": None, "scripts": [],
    "server": True, "server_replay": [], "show_ignored_hosts": False, "showhost": False, "ssl_insecure": False,
    "ssl_verify_upstream_trusted_ca": None, "ssl_verify_upstream_trusted_confdir": None, "stickyauth": None,
    "stickycookie": None, "store_streamed_bodies": False, "stream_large_bodies": None, "tcp_hosts": [],
    "termlog_verbosity": "info", "tls_version_client_max": "UNBOUNDED", "tls_version_client_min": "TLS1_2",
    "tls_version_server_max": "UNBOUNDED", "tls_version_server_min": "TLS1_2", "udp_hosts": [], "upstream_auth": None,
    "upstream_cert": True, "validate_inbound_headers": True, "view_filter": None, "view_order": "time",
    "view_order_reversed": False, "web_debug": False, "web_host": "127.0.0.1", "web_open_browser": True,
    "web_port": 8081, "websocket": True,
}
