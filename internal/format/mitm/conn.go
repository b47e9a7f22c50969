package mitm

import (
	"crypto/tls"
	"encoding/pem"
	"net"
	"strconv"
	"strings"

	"midstream/flow"
	"midstream/internal/format/tnet"
)

// conn reads client_conn or server_conn.
func (r *reader) conn(v *tnet.Value, where string) *flow.Conn {
	if v.Tag() != tnet.Dict {
		return nil
	}
	c := &flow.Conn{ID: idOf(text(v, "id")), Address: r.address(v, "address"), Peer: r.address(v, "peername"), Local: r.address(v, "sockname"),
		Mode: r.text(v, "proxy_mode"), Start: r.time(v, "timestamp_start"), Connected: r.time(v, "timestamp_tcp_setup"),
		Secured: r.time(v, "timestamp_tls_setup"), End: r.time(v, "timestamp_end")}
	on, _ := v.Key("tls").Bool()
	if !on {
		return c
	}
	t := &flow.TLS{SNI: r.text(v, "sni"), ALPN: r.text(v, "alpn"), Version: tlsVersion(r.text(v, "tls_version")), Cipher: cipherOf(r.text(v, "cipher"))}
	if offers := v.Key("alpn_offers"); !offers.IsNull() {
		list, err := offers.Items(maxCerts)
		r.fail(where+".alpn_offers", err)
		for _, o := range list {
			p, err := o.Bytes(maxText)
			r.fail(where+".alpn_offers", err)
			t.Offered = append(t.Offered, string(p))
		}
	}
	t.Certificates = r.certificates(v, where)
	c.TLS = t
	return c
}

// certificates reads the chain of the server, or the leaf that the client was
// shown.
func (r *reader) certificates(v *tnet.Value, where string) [][]byte {
	var ders [][]byte
	add := func(x *tnet.Value) {
		p, err := x.Bytes(maxText)
		r.fail(where+".certificate_list", err)
		if block, _ := pem.Decode(p); block != nil {
			ders = append(ders, block.Bytes)
		}
	}
	if where == "client_conn" {
		if cert := v.Key("mitmcert"); !cert.IsNull() {
			add(cert)
		}
		return ders
	}
	list, err := v.Key("certificate_list").Items(maxCerts)
	r.fail(where+".certificate_list", err)
	for _, x := range list {
		add(x)
	}
	return ders
}

// address reads host and port, with or without an IPv6 flow and scope.
func (r *reader) address(v *tnet.Value, key string) string {
	x := v.Key(key)
	if x.IsNull() {
		return ""
	}
	parts, err := x.Items(4)
	if err != nil || len(parts) < 2 {
		r.fail(key, err)
		return ""
	}
	host, err1 := parts[0].Bytes(maxText)
	port, err2 := parts[1].Int()
	r.fail(key, err1)
	r.fail(key, err2)
	if len(host) == 0 && port == 0 {
		return ""
	}
	return net.JoinHostPort(string(host), strconv.FormatInt(port, 10))
}

// hostPort is the state of an address: a list, or null where there is none.
func hostPort(address string) tnet.Value {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return tnet.Value{}
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return tnet.Value{}
	}
	return tnet.NewList(tnet.NewText(host), tnet.NewInt(int64(n)))
}

// The names that mitmproxy, which is built on OpenSSL, has for versions.
var tlsVersions = map[uint16]string{
	0x0300: "SSLv3", tls.VersionTLS10: "TLSv1", tls.VersionTLS11: "TLSv1.1", tls.VersionTLS12: "TLSv1.2", tls.VersionTLS13: "TLSv1.3",
	0xfeff: "DTLSv1", 0xfefd: "DTLSv1.2", 0x0100: "DTLSv0.9", 1: "QUICv1",
}

// TLSVersion spells a version of TLS as mitmproxy does: "TLSv1.3".
func TLSVersion(v uint16) string {
	if name, ok := tlsVersions[v]; ok {
		return name
	}
	return tls.VersionName(v)
}

func tlsVersion(name string) uint16 {
	for v, n := range tlsVersions {
		if n == name {
			return v
		}
	}
	return 0
}

// cipherName is OpenSSL's name of a cipher suite, made from the IANA name by
// its rules: TLS 1.3 suites keep theirs; before, "TLS_", "WITH_" and the hash of
// a GCM suite's PRF apart, words are joined by hyphens.
func cipherName(id uint16) string {
	name := tls.CipherSuiteName(id)
	if !strings.Contains(name, "_WITH_") {
		return name
	}
	name = strings.TrimPrefix(name, "TLS_")
	name = strings.Replace(name, "RSA_WITH_", "RSA-", 1)
	name = strings.Replace(name, "ECDSA_WITH_", "ECDSA-", 1)
	name = strings.TrimPrefix(name, "RSA-") // plain RSA key exchange is not named
	for _, aes := range []string{"AES_128", "AES_256"} {
		name = strings.Replace(name, aes, strings.Replace(aes, "_", "", 1), 1)
	}
	name = strings.ReplaceAll(name, "_", "-")
	name = strings.Replace(name, "-CBC-", "-", 1)
	name = strings.Replace(name, "3DES-EDE-", "DES-CBC3-", 1)
	if strings.Contains(name, "CHACHA20") {
		name = strings.TrimSuffix(name, "-SHA256")
	}
	return name
}

func cipherOf(name string) uint16 {
	for _, list := range [][]*tls.CipherSuite{tls.CipherSuites(), tls.InsecureCipherSuites()} {
		for _, s := range list {
			if cipherName(s.ID) == name || s.Name == name {
				return s.ID
			}
		}
	}
	return 0
}
