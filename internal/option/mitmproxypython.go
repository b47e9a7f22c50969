package option

import (
	"fmt"
	"strings"
)

// pythonEvents are mitmproxy's events, and how they are here.
var pythonEvents = [][2]string{
	{"load configure running done update add_log", "as in mitmproxy"},
	{"requestheaders request responseheaders response error", "as in mitmproxy; `response` of a body that has no end runs when it has ended, and no change counts then"},
	{"http_connect http_connected http_connect_error http_connect_upstream", "as in mitmproxy"},
	{"client_connected client_disconnected server_connect server_connected server_disconnected server_connect_error", "as in mitmproxy"},
	{"clientconnect clientdisconnect serverconnect serverdisconnect", "names of mitmproxy 6: they get the connection"},
	{"tls_clienthello tls_established_client tls_established_server tls_failed_client tls_failed_server", "as in mitmproxy"},
	{"tls_start_client tls_start_server", "as in mitmproxy, `conn.sni` of `tls_start_server` too; `ssl_conn` is None, and cannot be set"},
	{"websocket_start websocket_message websocket_end", "as in mitmproxy; what was injected is not seen"},
	{"tcp_start tcp_message tcp_end tcp_error", "as in mitmproxy; `flow.kill()` ends the tunnel at once"},
	{"socks5_auth", "as in mitmproxy"},
	{"next_layer", "never called, with a warning: `tls_clienthello` passes a connection on, `server_connect` changes where it goes"},
	{"dns_request dns_response dns_error", "never called, with a warning: there is no DNS mode. The messages of `mitmproxy.dns` can be made, read and written"},
	{"udp_start udp_message udp_end udp_error", "never called, with a warning: UDP does not pass through midstream"},
	{"quic_start_client quic_start_server", "never called, with a warning: there is no QUIC"},
	{"websocket_handshake websocket_error tick start", "never called, with a warning: mitmproxy removed them, too"},
}

// pythonParts are what addons reach for that is not in their process.
var pythonParts = [][2]string{
	{"`mitmproxy.tools.*`, `DumpMaster`, `WebMaster`, `master.Master`", "`midstream dump -s FILE`"},
	{"`mitmproxy.proxy.layers`, `.layer`, `.commands`, `.events`, and changing their classes", "`tls_clienthello`, `server_connect`, and the options `ignore_hosts` and `tcp_hosts`"},
	{"`ssl_conn` of `tls_start_*`", "the options `tls_version_*`, `certs`, `client_certs`"},
	{"`certs.CertStore`, `certs.dummy_cert`, `Cert.to_cryptography()`", "the options `certs` and `confdir`; `Cert.to_pem()`"},
	{"`ctx.master.overlay`, `keymap` and the rest of the console; `focus`, order and filter of `ctx.master.view`", "commands on flows ([In Python](python.md#flows-of-the-session)), `flow.marked`, `flow.comment`"},
	{"`ctx.master.addons.get(NAME)` of mitmproxy's own addons", "None, with a warning; but `view` is the session, `clientplayback` sends flows again, and `proxyserver` has `listen_addrs()`"},
	{"classes of `mitmproxy.addons.*`", "the options of midstream; `asgiapp`, `export` and `clientplayback` (`ReplayHandler`) are there"},
	{"`export.clip`, `cut.clip`", "`export.file`, `cut.save`"},
	{"an option that midstream does not have", "it keeps what a script sets for that script alone, with a warning"},
	{"an option that counts at the start, changed later than in `load`", "it keeps what a script sets for that script alone, with a warning: `server`, `confdir`, `rfile`, `record*`, `session*`, `redact`, `web_*`, `log_*`, `python*`, `script_failure`, `flow_version`, `protobuf_definitions`. All others count from then on, for connections that are made afterwards"},
	{"flows, globals and addons of another script", "one script that imports both"},
}

// pythonMarkdown is the part of the page about addons in Python.
func pythonMarkdown() string {
	var b strings.Builder
	b.WriteString(`
## Addons in Python

They run as they are, in a process beside the proxy. [In Python](python.md) tells how; this is all that differs.
Events:

| event | |
|---|---|
`)
	for _, row := range pythonEvents {
		fmt.Fprintf(&b, "| `%s` | %s |\n", strings.ReplaceAll(row[0], " ", "` `"), row[1])
	}
	b.WriteString(`
Importing any of these works. Using it raises an error, whose traceback names the line, and which says what to do:

| what is not in the addon's process | instead |
|---|---|
`)
	for _, row := range pythonParts {
		fmt.Fprintf(&b, "| %s | %s |\n", row[0], row[1])
	}
	return b.String()
}
