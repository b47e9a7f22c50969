package client

import (
	"net"
	"strings"
)

// Setting is what a program has to be told.
type Setting struct {
	// Proxy is host:port of a listener that takes plain requests and CONNECT.
	Proxy string
	// PEM is a file with the CA and what the system trusts, P12 the same as a
	// PKCS#12 trust store without a password, CA a file with the CA alone.
	PEM, P12, CA string
	// NodeScript and WgetSettings are files with the texts of that name; "" leaves
	// the variables out that name them.
	NodeScript, WgetSettings string
}

// Variable is one variable of the environment.
type Variable struct{ Name, Value string }

// trusting are the variables that name a file with all authorities that a
// program trusts.
var trusting = []string{
	"SSL_CERT_FILE",                    // OpenSSL and what stands on it, Go (not macOS and Windows), Python's ssl, httpx, Ruby, rustls
	"CURL_CA_BUNDLE",                   // curl
	"REQUESTS_CA_BUNDLE",               // Python's requests
	"PIP_CERT",                         // pip
	"GIT_SSL_CAINFO",                   // git
	"npm_config_cafile",                // npm, pnpm
	"CARGO_HTTP_CAINFO",                // cargo
	"AWS_CA_BUNDLE",                    // AWS's tools and libraries
	"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", // gRPC's C core: C++, Python, Ruby, PHP
}

// trustFiles returns the files with authorities that the environment names by
// now, for the bundle that takes their place.
func trustFiles(getenv func(string) string) []string {
	var files []string
	for _, name := range append(trusting, "NODE_EXTRA_CA_CERTS", "DENO_CERT") {
		if path := getenv(name); path != "" {
			files = append(files, path)
		}
	}
	return files
}

// Variables returns what is to be set, in a fixed order. What getenv has of the
// variables that collect options for a program (NODE_OPTIONS, JAVA_TOOL_OPTIONS)
// stays in them, but for what an earlier call has put there.
func (s Setting) Variables(getenv func(string) string) []Variable {
	url := "http://" + s.Proxy
	var list []Variable
	set := func(name, value string) { list = append(list, Variable{name, value}) }
	for _, name := range []string{"http_proxy", "https_proxy", "all_proxy", "ws_proxy", "wss_proxy", "grpc_proxy"} {
		set(name, url)
	}
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "WS_PROXY", "WSS_PROXY"} {
		set(name, url)
	}
	set("no_proxy", "")
	set("NO_PROXY", "")
	set("npm_config_proxy", url)
	set("npm_config_https_proxy", url)
	set("npm_config_noproxy", "")
	set("PIP_PROXY", url)
	set("CARGO_HTTP_PROXY", url)

	for _, name := range trusting {
		set(name, s.PEM)
	}
	set("NODE_EXTRA_CA_CERTS", s.CA) // these two add to their own list
	set("DENO_CERT", s.CA)
	set("DENO_TLS_CA_STORE", "system,mozilla")

	set("NODE_USE_ENV_PROXY", "1") // Node 22.21 and 24.5; fetch alone in 24.0
	if s.NodeScript != "" {
		set("NODE_OPTIONS", s.nodeOptions(getenv("NODE_OPTIONS")))
	}
	if s.WgetSettings != "" {
		set("WGETRC", s.WgetSettings)
	}
	set("JAVA_TOOL_OPTIONS", s.javaOptions(getenv("JAVA_TOOL_OPTIONS")))
	return list
}

// nodeOptions adds the script to what is in NODE_OPTIONS, whose words a space
// separates and double quotes join.
func (s Setting) nodeOptions(old string) string {
	ours := "--require=" + nodeWord(s.NodeScript)
	old = strings.Join(strings.Fields(strings.ReplaceAll(old, ours, "")), " ")
	return strings.TrimSpace(old + " " + ours)
}

func nodeWord(path string) string {
	if !strings.ContainsAny(path, " \"\\\t") {
		return path
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(path) + `"`
}

// javaOptions adds the properties of proxy and trust to what is in
// JAVA_TOOL_OPTIONS. An empty nonProxyHosts is what sends loopback through a proxy.
func (s Setting) javaOptions(old string) string {
	host, port, err := net.SplitHostPort(s.Proxy)
	if err != nil {
		host = s.Proxy
	}
	properties := [][2]string{
		{"http.proxyHost", host}, {"http.proxyPort", port},
		{"https.proxyHost", host}, {"https.proxyPort", port},
		{"http.nonProxyHosts", ""},
		{"javax.net.ssl.trustStore", s.P12}, {"javax.net.ssl.trustStoreType", "PKCS12"},
	}
	words := javaWords(old)
	var kept []string
	for _, w := range words {
		ours := false
		for _, p := range properties {
			ours = ours || strings.HasPrefix(strings.TrimLeft(w, `"'`), "-D"+p[0]+"=")
		}
		if !ours {
			kept = append(kept, w)
		}
	}
	for _, p := range properties {
		word := "-D" + p[0] + "=" + p[1]
		if strings.ContainsAny(word, " \t'") {
			word = `"` + word + `"`
		}
		kept = append(kept, word)
	}
	return strings.Join(kept, " ")
}

// javaWords splits the options of Java as it does: at white space that is not
// between quotes of either kind. The quotes stay.
func javaWords(s string) []string {
	var words []string
	var quote rune
	begin := -1
	for i, c := range s {
		space := quote == 0 && (c == ' ' || c == '\t' || c == '\n' || c == '\r')
		switch {
		case space && begin >= 0:
			words, begin = append(words, s[begin:i]), -1
			continue
		case space:
			continue
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == quote:
			quote = 0
		}
		if begin < 0 {
			begin = i
		}
	}
	if begin >= 0 {
		words = append(words, s[begin:])
	}
	return words
}

// Environ returns base with the variables set in it. Names are compared as the
// system does: fold tells that case does not count.
func Environ(base []string, list []Variable, fold bool) []string {
	same := func(a, b string) bool { return a == b || fold && strings.EqualFold(a, b) }
	env := make([]string, 0, len(base)+len(list))
next:
	for _, kv := range base {
		name, _, _ := strings.Cut(kv, "=")
		for _, v := range list {
			if same(name, v.Name) {
				continue next
			}
		}
		env = append(env, kv)
	}
	for _, v := range list {
		env = append(env, v.Name+"="+v.Value)
	}
	return env
}
