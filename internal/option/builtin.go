package option

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// The groups of midstream's own options, in the order they are shown.
const (
	GroupListen  = "Listening"
	GroupBodies  = "Bodies"
	GroupHosts   = "Hosts and connections"
	GroupTLS     = "TLS"
	GroupHTTP    = "HTTP"
	GroupScript  = "Scripts"
	GroupRules   = "Rules"
	GroupRecord  = "Recording"
	GroupOutput  = "Output"
	GroupWeb     = "Web interface"
	firstVersion = "0.1"
)

// Builtin returns the options that midstream itself declares.
func Builtin() []Option {
	all := slices.Concat(listening(), bodies(), hosts(), tls(), scripting(), rules(), recording(), output(), web())
	for i := range all {
		all[i].Since = firstVersion
	}
	return all
}

func listening() []Option {
	return in(GroupListen, []Option{
		{Name: "mode", Type: List, Default: []string{"regular"}, Short: "m", Meta: "MODE", Main: true,
			Help: "Way in: regular, socks5, upstream:URL, reverse:URL, transparent. Repeat it for several. A mode is written NAME[:DATA][@[HOST:]PORT]: regular is an explicit proxy for " +
				"plain requests and CONNECT; upstream:URL is one that sends everything through the parent proxy URL, and upstream:env through the one that the environment names; socks5 is regular on port 1080 (a regular one takes SOCKS 5, too); " +
				"reverse:URL is a server that sends everything to URL; transparent takes what the firewall brings (Linux). An address behind @ is where that one listens."},
		{Name: "listen_host", Type: String, Meta: "HOST", Main: true,
			Help: "Address to listen on; empty is 127.0.0.1 (and ::1). Give 0.0.0.0 to be reached from other machines and containers: then everybody on the network can use the proxy, unless --proxyauth says who may."},
		{Name: "listen_port", Type: Int, Optional: true, Min: 0, Max: 65535, Short: "p", Meta: "PORT", Main: true,
			Help: "Port to listen on; none is 8080, 0 takes a free one. The address that was taken is printed as \"listening on HOST:PORT\"."},
		{Name: "onboarding", Type: Bool, Default: true,
			Help: "Serve the page with the certificate. It is at http://midstream.internal/ and onboarding_host through the proxy, and at http://HOST:PORT/ of a regular listener asked directly."},
		{Name: "onboarding_host", Type: String, Default: "mitm.it", Meta: "HOST",
			Help: "One more name of the page with the certificate. Requests for it do not leave midstream; empty leaves the name to its owner."},
		{Name: "proxyauth", Type: String, Optional: true, Secret: true, OwnAt: true, Meta: "USERS",
			Help: "Who may use the proxy: USER:PASS, any, or @FILE. @FILE is one of htpasswd, with hashes of bcrypt, SHA or apr1; any takes whatever a client says, and notes the user. " +
				"Clients are asked by Basic: 407 by a proxy, 401 in reverse mode, and by user and password in SOCKS."},
		{Name: "block_global", Type: Bool, Default: true,
			Help: "Refuse clients with a global address. They are not of this network: whoever scans the internet finds an open proxy within hours."},
		{Name: "block_private", Type: Bool,
			Help: "Refuse clients with a private address. This machine itself is never refused."},
		{Name: "server", Type: Bool, Default: true, Short: "n",
			Help: "Listen at all. -n starts no listener, to run scripts without a proxy."},
		{Name: "confdir", Type: Path, Default: "~/.midstream", Meta: "DIR", Main: true,
			Help: "Folder of config.yaml, the CA and the sessions. It is made at the first start, for this user only. It cannot be set in config.yaml."},
	})
}

func bodies() []Option {
	return in(GroupBodies, []Option{
		{Name: "stream_large_bodies", Type: Size, Optional: true, Flag: "stream", Main: true,
			Help: "Bodies larger than SIZE pass unrecorded. Hooks find their content missing. 0 lets every body pass so; none records all of them as they pass. " +
				"A body of unknown length is recorded up to SIZE, and forgotten when it grows past it."},
		{Name: "store_streamed_bodies", Type: Bool,
			Help: "Record also what passes because of --stream. Then the body is on disk, though no hook can change it."},
		{Name: "body_size_limit", Type: Size, Optional: true,
			Help: "Refuse larger bodies. A known length above it is answered with 413 (request) or 502 (response); a body that grows past it is cut off as a broken one."},
		{Name: "content_limit", Type: Size, Default: int64(64 << 20),
			Help: "Largest body that a script gets as one piece. Above it content, text and json() throw and name the helpers that work on the stream."},
		{Name: "endless_types", Type: List, Meta: "TYPE",
			Help: "More media types that are never held because a hook wants the body. The common ones are known: event streams, gRPC, NDJSON, multipart/x-mixed-replace, " +
				"audio and video without length. A * stands for any rest, as in audio/*."},
		{Name: "stream_chunk_size", Type: Size, Default: int64(32 << 10), Min: 1, Max: 1 << 20,
			Help: "Largest piece that a chunk function gets at once. A larger chunk comes in several calls."},
	})
}

func hosts() []Option {
	return in(GroupHosts, []Option{
		{Name: "ignore_hosts", Type: List, Meta: "REGEX", Main: true,
			Help: "Hosts that pass undecrypted, byte for byte. A regular expression (with Python's meaning) that is searched for in HOST:PORT; repeat it for several."},
		{Name: "allow_hosts", Type: List, Meta: "REGEX",
			Help: "Only these hosts are decrypted. All others pass as with --ignore-hosts. The same kind of regular expression."},
		{Name: "tcp_hosts", Type: List, Meta: "REGEX",
			Help: "Hosts whose connections are raw TCP inside, whatever they look like. TLS is still taken off. A regular expression that is searched for in HOST:PORT."},
		{Name: "show_ignored_hosts", Type: Bool,
			Help: "Record connections of ignored hosts as TCP flows. Their bytes stay encrypted."},
		{Name: "connection_strategy", Type: Choice, Choices: []string{"eager", "lazy"}, Default: "eager",
			Help: "When to connect to the server: eager, at once; lazy, at a request. With lazy a certificate is made from the name alone."},
		{Name: "connect_addr", Type: String, Optional: true, Meta: "IP", Check: isAddress,
			Help: "Own address that connections to servers start from. None leaves it to the system."},
		{Name: "upstream_auth", Type: String, Optional: true, Secret: true, Meta: "USER:PASS", Check: isCredentials,
			Help: "User and password for the parent proxy, or the target in reverse mode. Better as @FILE, because a command line can be seen by others. " +
				"A parent gets them by Basic, Digest or NTLM, as it asks, and no other parent gets them."},
		{Name: "upstream_routes", Type: List, Secret: true, Meta: "REGEX=URL",
			Help: "Parent proxy for some servers, in any mode: REGEX=http://HOST:PORT. The regular expression is searched for in HOST:PORT of the server; the first that matches wins. " +
				"REGEX=direct goes without a parent. Credentials can stand in the URL, as http://USER:PASS@HOST:PORT."},
		{Name: "http_connect_send_host_header", Type: Bool, Default: true,
			Help: "Send Host with a CONNECT to a parent proxy. Some old ones stumble over it."},
		{Name: "tcp_timeout", Type: Duration, Default: int64(600),
			Help: "Close an idle connection after TIME. No timer runs while an answer is awaited."},
	})
}

func tls() []Option {
	versions := []string{"UNBOUNDED", "TLS1", "TLS1_1", "TLS1_2", "TLS1_3"}
	return in(GroupTLS, []Option{
		{Name: "ssl_insecure", Type: Bool, Short: "k", Main: true,
			Help: "Do not verify certificates of servers. Anybody between midstream and the server can then read and change everything."},
		{Name: "certs", Type: List, Meta: "[NAME=]PEM", Main: true,
			Help: "Certificate and key to show to clients. [NAME=]PEM, where NAME may begin with *. and stands for all names when left out; repeat it for several."},
		{Name: "cert_passphrase", Type: String, Optional: true, Secret: true, Meta: "TEXT",
			Help: "Passphrase of the keys in --certs and of an encrypted CA. Better as @FILE, because a command line can be seen by others."},
		{Name: "client_certs", Type: Path, Optional: true,
			Help: "Certificate and key to show to servers that ask for one. A PEM file, or a folder with HOST.pem files."},
		{Name: "ssl_verify_upstream_trusted_ca", Type: Path, Optional: true, Meta: "PEM",
			Help: "Certificates that servers are verified with, instead of the system's. A PEM file."},
		{Name: "ssl_verify_upstream_trusted_confdir", Type: Path, Optional: true, Meta: "DIR",
			Help: "Folder of certificates that servers are verified with. Every PEM file in it counts, besides ssl_verify_upstream_trusted_ca."},
		{Name: "upstream_cert", Type: Bool, Default: true,
			Help: "Take the names for a certificate from the server's own. Without it they come from what the client asked for, and the server is not contacted first."},
		{Name: "key_type", Type: Choice, Choices: []string{"ecdsa", "rsa"}, Default: "ecdsa",
			Help: "Kind of key in the certificates shown to clients. rsa is for clients that know nothing else, and slower."},
		{Name: "tls_version_client_min", Type: Choice, Choices: versions, Default: "TLS1_2", Meta: "VERSION",
			Help: "Oldest TLS version that clients may use."},
		{Name: "tls_version_client_max", Type: Choice, Choices: versions, Default: "UNBOUNDED", Meta: "VERSION",
			Help: "Newest TLS version that clients may use."},
		{Name: "tls_version_server_min", Type: Choice, Choices: versions, Default: "TLS1_2", Meta: "VERSION",
			Help: "Oldest TLS version that is used with servers."},
		{Name: "tls_legacy_hosts", Type: List, Meta: "REGEX",
			Help: "Servers that are too old for the rest. TLS 1.0 and 1.1 and old cipher suites are used with those whose host:port the pattern matches; repeat it for several."},
		{Name: "tls_hello", Type: Choice, Choices: []string{"client", "own"}, Default: "client", Meta: "client|own",
			Help: "What servers see of TLS: a hello like the client's, or our own. The first has its cipher suites, extensions and order. Some sites let in only clients that they know by it."},
		{Name: "tls_version_server_max", Type: Choice, Choices: versions, Default: "UNBOUNDED", Meta: "VERSION",
			Help: "Newest TLS version that is used with servers."},
	})
}

func scripting() []Option {
	return slices.Concat(in(GroupHTTP, []Option{
		{Name: "http_profile", Type: Choice, Choices: []string{"tolerant", "strict"}, Default: "tolerant", Meta: "tolerant|strict",
			Help: "What happens to malformed messages: repaired and noted, or refused. tolerant repairs what browsers tolerate; strict answers 400 or 502. Ambiguous framing passes in neither."},
		{Name: "http2", Type: Bool, Default: true,
			Help: "Speak HTTP/2 to clients and servers that both do. Without it every connection speaks HTTP/1.1."},
		{Name: "http2_ping_keepalive", Type: Duration, Default: int64(58),
			Help: "Silence after which an HTTP/2 peer with open requests gets a PING. 0 sends none. Without an answer within 15 s its requests fail."},
		{Name: "keep_host_header", Type: Bool,
			Help: "Reverse mode: leave Host as the client sent it. Otherwise it is changed to the host of the target."},
		{Name: "keep_alt_svc_header", Type: Bool,
			Help: "Reverse mode: leave Alt-Svc as the target sent it. Otherwise it is made to lead to midstream's own port, and HTTP/3 is left out of it, so that clients do not go past it."},
	}), in(GroupScript, []Option{
		{Name: "scripts", Type: Paths, Short: "s", Flag: "scripts", Meta: "FILE", Main: true,
			Help: "Script to run, .js, .ts or .py; repeat it for several. They run in that order. Saving the file loads it anew without dropping a connection."},
		{Name: "script_timeout", Type: Duration, Default: int64(1),
			Help: "How long JavaScript may compute at a stretch; 0 has no limit. Waiting does not count. Past it the call is broken off and noted on the flow."},
		{Name: "script_memory", Type: Size, Default: int64(512 << 20),
			Help: "By how much memory may grow while JavaScript computes; 0 has no limit. Past it the call is broken off and noted on the flow."},
		{Name: "python", Type: String, Optional: true, Meta: "PATH",
			Help: "Python that runs addons in Python, 3.9 or later. None takes the active virtual environment, else python3."},
		{Name: "python_timeout", Type: Duration, Default: int64(60),
			Help: "How long a Python script may answer nothing at all; 0 is for ever. Past it the process counts as hung and is started again, and the flows that it held fail. Hooks that await may take as long as they like."},
		{Name: "script_failure", Type: Choice, Choices: []string{"open", "closed"}, Default: "open", Meta: "open|closed",
			Help: "What happens to flows while a Python script does not run. open: they pass without it. closed: they are refused."},
	}))
}

func rules() []Option {
	return in(GroupRules, []Option{
		{Name: "rules", Type: Path, Optional: true, Meta: "FILE",
			Help: "File of rules. None is rules.yaml in confdir. Saving it loads it anew; the rules before stay where it has a fault. The page on rules tells what stands in it."},
		{Name: "modify_headers", Type: List, Short: "H", Meta: "SPEC",
			Help: "Set, replace or remove a header field: [/FILTER]/NAME/[@]VALUE. The first character is the separator, and may be any. " +
				"Without a value the field is removed; @FILE reads it from a file. Repeat it for several."},
		{Name: "modify_body", Type: List, Short: "B", Meta: "SPEC",
			Help: "Replace text in bodies as they pass: [/FILTER]/REGEX/[@]REPLACEMENT. REGEX has Python's meaning over octets, with DOTALL; \\1 in the replacement is a group, @FILE reads it from a file. " +
				"Only what may begin a match waits. A pattern with lookaround holds the body."},
		{Name: "modify_body_window", Type: Size, Default: int64(64 << 10), Min: 1 << 10, Max: 16 << 20,
			Help: "Longest match of modify_body on a stream. What is longer goes out as it came, with a finding."},
		{Name: "map_remote", Type: List, Short: "M", Meta: "SPEC",
			Help: "Send requests to another URL: [/FILTER]/URL-REGEX/REPLACEMENT. Every one that matches is applied, in their order. With URLs another separator is handy, as |."},
		{Name: "map_local", Type: List, Meta: "SPEC",
			Help: "Answer from a file or folder: [|FILTER]|URL-REGEX|PATH. Below a folder that is looked for which stands behind the match in the URL, or which its first group has caught. Without a file the answer is 404."},
		{Name: "mock", Type: List, Meta: "SPEC",
			Help: "Answer from a timed file, with its pauses: /FILTER/FILE. Nothing is dialled. \"midstream flows export --as timed\" writes such a file."},
		{Name: "block_list", Type: List, Meta: "SPEC",
			Help: "Answer with a status instead of the server: /FILTER/STATUS. 444 closes the connection without an answer."},
		{Name: "fault", Type: List, Meta: "SPEC",
			Help: "Break traffic on purpose: [/FILTER]/FAULT. FAULT is delay, bandwidth, stall, cut, reset, corrupt or status, with KEY=VALUE behind a colon, as stall:after=3 events,for=5s. " +
				"The page on rules has them all."},
		{Name: "fault_seed", Type: Int, Optional: true, Min: 0, Max: 1<<53 - 1,
			Help: "Number that the chance of faults goes by. None takes another one each time; the log says which, so that a run can be repeated."},
		{Name: "anticache", Type: Bool,
			Help: "Leave out what lets servers answer that nothing has changed. That is If-None-Match and If-Modified-Since."},
		{Name: "anticomp", Type: Bool,
			Help: "Ask servers for bodies without compression."},
		{Name: "strip_h3", Type: Bool,
			Help: "Leave HTTP/3 out of what servers offer. That is in Alt-Svc, and in answers of DNS over HTTPS. Clients stay with the proxy, and forget such offers of earlier."},
		{Name: "strip_ech", Type: Bool,
			Help: "Take keys for Encrypted Client Hello out of DNS answers. That is of DNS over HTTPS. Clients then say in their TLS handshake which server they want."},
		{Name: "stickyauth", Type: String, Optional: true, Meta: "FILTER",
			Help: "Add Authorization as it was seen last. The requests that this filter means get it, where their host has had one."},
		{Name: "stickycookie", Type: String, Optional: true, Meta: "FILTER",
			Help: "Add the cookies that servers have set. The requests that this filter means get them."},
	})
}

func recording() []Option {
	return in(GroupRecord, []Option{
		{Name: "session", Type: Path, Optional: true, Meta: "DIR", Main: true,
			Help: "Record into this folder and keep it. It is made where there is none, and appended to where there is. None makes a session under confdir."},
		{Name: "session_keep", Type: Duration, Default: int64(24 * 60 * 60), Main: true,
			Help: "How long a session without --session is kept. 0 removes it at the end. It counts from the end of the session, also after a crash."},
		{Name: "session_max_size", Type: Size, Optional: true,
			Help: "Most room a session takes; then the oldest bodies go. Marked flows stay. None is 10g or a quarter of the free disk, whichever is smaller, and no limit with --session."},
		{Name: "session_max_age", Type: Duration, Optional: true,
			Help: "How long flows stay; then they go, the oldest first. Marked flows stay. None is for ever."},
		{Name: "session_filter", Type: String, Optional: true, Meta: "FILTER",
			Help: "Record only the flows that this filter means. It is asked as soon as a head tells: what it will not mean is not recorded, and what was is erased. Bodies are not asked (~b keeps a flow). " +
				"The page on filters tells what a filter is."},
		{Name: "session_min_free", Type: Size, Default: int64(1 << 30),
			Help: "Free disk below which bodies are not recorded any more. The traffic goes on."},
		{Name: "record", Type: Choice, Choices: []string{"all", "heads", "none"}, Default: "all", Main: true,
			Help: "What is recorded: everything, heads without bodies, or nothing."},
		{Name: "redact", Type: List, Meta: "RULE", Implied: "default", Main: true,
			Help: "Record and show [redacted:TAG] for credentials. On the wire they stay as they are. --redact alone replaces the known ones: Authorization, Cookie, X-Api-Key and the like, " +
				"parameters of queries and forms, members of JSON. --redact=RULE adds to them, and can be repeated: header:NAME, query:NAME, json:PATH, regex:REGEX. The page on redaction tells more."},
		{Name: "save_stream_file", Type: Path, Optional: true, Short: "w", Meta: "FILE", Main: true,
			Help: "Write the flows that end to this flow file, too. + before the name adds to a file that is there; %Y, %m, %d, %H and others of strftime in it begin " +
				"another file when the time has changed. - is standard output."},
		{Name: "save_stream_filter", Type: String, Meta: "FILTER",
			Help: "Write only these flows to save_stream_file."},
		{Name: "flow_version", Type: Int, Default: int64(21), Min: 17, Max: 21,
			Help: "Version of the flow file: 21, or 17 for mitmproxy 8."},
		{Name: "hardump", Type: Path, Optional: true, Meta: "FILE",
			Help: "Write an HTTP Archive of all exchanges when midstream stops. A name that ends in .zhar makes it a zlib stream, - is standard output."},
		{Name: "rfile", Type: Path, Optional: true, Short: "r", Meta: "FILE", Main: true,
			Help: "Read the flows of this file at the start. It is a flow file, a HAR or a session; - is standard input. The flows pass through scripts as they were, and are printed, " +
				"recorded and written like any others. dump ends when they are read, unless keepserving is set."},
		{Name: "client_replay", Type: Paths, Short: "C", Meta: "FILE",
			Help: "Send the requests in this file again. Repeat it for several. It is a flow file, a HAR or a session. What cannot be sent as it was is not, with a word."},
		{Name: "client_replay_concurrency", Type: Int, Default: int64(1), Min: -1, Max: 256, Meta: "N",
			Help: "How many requests client_replay sends at a time. -1 is as many as possible."},
		{Name: "server_replay", Type: Paths, Short: "S", Meta: "FILE",
			Help: "Answer requests with the responses in this file. Repeat it for several. It is a flow file, a HAR or a session. Nothing is dialled for what is answered, " +
				"and each flow answers once, in their order."},
		{Name: "server_replay_extra", Type: Choice, Choices: []string{"forward", "kill", "204", "400", "404", "500"}, Default: "forward", Meta: "WHAT",
			Help: "What becomes of requests that server_replay has no response for. They are forwarded, killed, or get an empty response with this status."},
		{Name: "server_replay_kill_extra", Type: Bool,
			Help: "The same as server_replay_extra=kill."},
		{Name: "server_replay_reuse", Type: Bool,
			Help: "Let a flow of server_replay answer more than once."},
		{Name: "server_replay_nopop", Type: Bool,
			Help: "The same as server_replay_reuse."},
		{Name: "server_replay_refresh", Type: Bool, Default: true,
			Help: "Move dates on in responses of server_replay. These are Date, Expires, Last-Modified and the ends of cookies; they move by the time that has passed."},
		{Name: "server_replay_ignore_content", Type: Bool,
			Help: "Let server_replay answer whatever the body is."},
		{Name: "server_replay_ignore_host", Type: Bool,
			Help: "Let a flow of server_replay answer for any host."},
		{Name: "server_replay_ignore_port", Type: Bool,
			Help: "Let a flow of server_replay answer for any port."},
		{Name: "server_replay_ignore_params", Type: List, Meta: "NAME",
			Help: "Parameter of the query that server_replay ignores. Repeat it for several."},
		{Name: "server_replay_ignore_payload_params", Type: List, Meta: "NAME",
			Help: "Field of a form that server_replay ignores. Repeat it for several. Of a form above 1 MiB all counts."},
		{Name: "server_replay_use_headers", Type: List, Meta: "NAME",
			Help: "Header field that server_replay compares. Repeat it for several."},
		{Name: "replay_speed", Type: String, Default: "1", Meta: "N|max",
			Help: "How fast streams of messages are replayed. 1 keeps the pauses that they were recorded with, 2 halves them, max makes none. Other bodies are sent at once."},
		{Name: "readfile_filter", Type: String, Optional: true, Meta: "FILTER",
			Help: "Read only these flows of rfile. Words behind dump mean it, too."},
		{Name: "keepserving", Type: Bool,
			Help: "dump goes on when all of rfile is read and everything is replayed. Otherwise it ends then."},
		{Name: "record_stall", Type: Duration, Default: int64(2),
			Help: "How long a body waits for a slow disk before its record is cut. 0 waits for ever. The cut is marked, and the body goes on."},
	})
}

func output() []Option {
	return in(GroupOutput, []Option{
		{Name: "flow_detail", Type: Int, Default: int64(1), Min: 0, Max: 4, Main: true,
			Help: "What is printed: 0 nothing, 1 a line, 2 heads, 3 content, 4 uncut. 1 cuts long URLs to the terminal; 2 adds heads, findings and tries; " +
				"3 adds content, cut to content_view_lines_cutoff lines, and messages as they pass."},
		{Name: "dumper_filter", Type: String, Optional: true, Meta: "FILTER",
			Help: "Print only the flows that this filter means, as words behind dump do. All are recorded. The page on filters tells what a filter is."},
		{Name: "protobuf_definitions", Type: Path, Optional: true, Meta: "FILE",
			Help: "A .proto file that names the fields of protobuf and gRPC. What it imports is looked for beside it."},
		{Name: "dumper_default_contentview", Type: String, Default: "auto", Meta: "VIEW",
			Help: "The view that prints content. auto takes the one that fits; the page on views has the names."},
		{Name: "content_view_lines_cutoff", Type: Int, Default: int64(512), Min: 1, Max: 1 << 30,
			Help: "Lines of content that flow_detail 3 prints."},
		{Name: "export_preserve_original_ip", Type: Bool,
			Help: "Exports for curl, python and go connect to the address that answered. `midstream flows export` writes them."},
		{Name: "showhost", Type: Bool,
			Help: "Print URLs with the host that the client named in Host. Otherwise it is the host that the request is sent to."},
		{Name: "termlog_verbosity", Type: Choice, Choices: []string{"error", "warn", "info", "alert", "debug"}, Default: "info", Meta: "LEVEL",
			Help: "Least level of log that is printed: error, warn, info, alert or debug. alert is the same as info."},
		{Name: "log_file", Type: Path, Optional: true, Meta: "FILE", Main: true,
			Help: "Append the log to FILE instead of stderr. It is made for this user only."},
		{Name: "log_format", Type: Choice, Choices: []string{"text", "json"}, Default: "text",
			Help: "Write the log as text or as one JSON object a line."},
	})
}

func web() []Option {
	return in(GroupWeb, []Option{
		{Name: "intercept", Type: String, Optional: true, Meta: "FILTER",
			Help: "Hold what this filter means until somebody lets it go on. Requests, responses and single messages of streams are held; the rest of their flow waits, and no other. " +
				"Where no front end is attached for 10 seconds they go on."},
		{Name: "intercept_active", Type: Bool,
			Help: "Let intercept hold. Set to false, the filter stays and holds nothing; as long as nobody sets it, a filter alone is enough."},
		{Name: "intercept_timeout", Type: Duration, Optional: true, Meta: "TIME",
			Help: "Let what is held go on after this time. Without it nothing goes on by itself while a front end is attached."},
		{Name: "view_filter", Type: String, Optional: true, Meta: "FILTER",
			Help: "The filter that the page begins with in a new window."},
		{Name: "web_host", Type: String, Default: "127.0.0.1", Meta: "HOST",
			Help: "Address that the web interface listens on. Beyond this machine it needs web_password, and is served over HTTPS."},
		{Name: "web_port", Type: Int, Default: int64(8081), Min: 0, Max: 65535, Meta: "PORT",
			Help: "Port of the web interface; 0 takes a free one. So does the default where it is taken. The address that was taken is printed."},
		{Name: "web_password", Type: String, Optional: true, Secret: true, Meta: "PASSWORD",
			Help: "Password of the web interface. It is given as it is, or as a bcrypt hash, and stands for the token that else is made anew at each start."},
		{Name: "web_open_browser", Type: Bool, Default: true,
			Help: "Open the web interface in a browser at the start. That is done only from a terminal on a machine with a display."},
		{Name: "web_readonly", Type: Bool,
			Help: "Let nobody change anything through the web interface."},
	})
}

func in(group string, options []Option) []Option {
	for i := range options {
		options[i].Group = group
	}
	return options
}

// isCredentials refuses what has no user or no password. The registry does not
// print why: it might be a secret.
func isCredentials(v any) error {
	s, _ := v.(string)
	if user, _, ok := strings.Cut(s, ":"); !ok || user == "" || strings.ContainsAny(s, "\r\n\x00") {
		return errors.New("it is written USER:PASSWORD")
	}
	return nil
}

func isAddress(v any) error {
	s, _ := v.(string)
	if _, err := netip.ParseAddr(s); err != nil {
		return fmt.Errorf("%s is not an IP address, as 192.0.2.7 or 2001:db8::7", quote(s))
	}
	return nil
}
