package flowview

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"midstream/flow"
	"midstream/internal/dump"
	"midstream/internal/message"
)

// Page writes everything that is known of a flow, for a person.
func Page(w io.Writer, f *flow.Flow) error {
	p := &page{}
	p.line("flow %d  %s", f.Number, f.ID)
	if f.Kind == flow.TCP {
		p.line("raw tunnel")
	}
	p.line("outcome   %s", f.Outcome.String())
	if f.RPC != nil {
		p.line("call      %s", f.RPC)
	}
	if f.Outcome.Text != "" {
		p.line("          %s", f.Outcome.Text)
	}
	if f.Outcome.Phase != "" && f.Outcome.Kind != flow.Completed {
		p.line("          in phase: %s", f.Outcome.Phase)
	}
	p.timing(f)
	p.conn("client", f.Client, f.Start)
	p.opening(f)
	p.conn("server", f.Server, f.Start)
	for _, t := range f.Tries {
		how, end := "new connection", "worked"
		if t.Reused {
			how = "connection that had served before"
		}
		if t.Error != "" {
			end = t.Error
		}
		p.line("try       %s, %s: %s", t.Address, how, end)
	}
	for _, g := range f.Findings {
		p.line("finding   %s: %s", g.Code, g.Text)
	}
	if f.Marker != "" {
		p.line("marker    %s", f.Marker)
	}
	if f.Comment != "" {
		p.line("comment   %s", f.Comment)
	}
	for _, k := range sortedKeys(f.Metadata) {
		p.line("metadata  %s = %s", k, f.Metadata[k])
	}
	if r := f.Request; r != nil {
		p.line("")
		p.line("request to %s", r.Address())
		p.head(dump.RequestLine(r), &r.Message)
		p.asFramed(r)
	}
	p.body(&f.RequestBody, f.Kind == flow.TCP, "client to server")
	p.messages(f, flow.ToServer)
	for i := range f.Interim {
		p.line("")
		p.line("interim response")
		p.head(dump.StatusLine(&f.Interim[i]), &f.Interim[i].Message)
	}
	if r := f.Response; r != nil {
		p.line("")
		p.line("response")
		p.head(dump.StatusLine(r), &r.Message)
	}
	if f.Response != nil || f.Kind == flow.TCP {
		p.body(&f.ResponseBody, f.Kind == flow.TCP, "server to client")
		p.messages(f, flow.ToClient)
	}
	p.before(f)
	_, err := io.WriteString(w, p.b.String())
	return err
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

type page struct{ b strings.Builder }

// line writes one line with everything escaped that is not meant to be seen.
func (p *page) line(format string, args ...any) {
	p.b.WriteString(dump.Safe(fmt.Sprintf(format, args...)))
	p.b.WriteByte('\n')
}

func (p *page) timing(f *flow.Flow) {
	p.line("start     %s", f.Start.Local().Format("2006-01-02 15:04:05.000000"))
	at := func(what string, t time.Time) {
		if !t.IsZero() && !t.Equal(f.Start) {
			p.line("%-9s +%s", what, dump.Span(t.Sub(f.Start)))
		}
	}
	if f.Request != nil {
		at("sent", f.Request.End)
	}
	if f.Response != nil {
		at("answered", f.Response.Start)
		at("received", f.Response.End)
	}
	at("end", f.End)
}

func (p *page) conn(what string, c *flow.Conn, start time.Time) {
	if c == nil {
		return
	}
	text := c.Peer
	if c.Address != "" && c.Address != c.Peer {
		text = c.Address + " at " + c.Peer
	}
	p.line("%-9s %s, our end %s", what, text, c.Local)
	if c.Mode != "" {
		p.line("          mode %s", c.Mode)
	}
	if c.Via != "" {
		p.line("          through the parent proxy %s", c.Via)
	}
	if c.Start.IsZero() {
		// nothing is known of its times
	} else if c.Start.Before(start) {
		p.line("          the connection was %s old", dump.Span(start.Sub(c.Start)))
	} else if !c.Connected.IsZero() {
		p.line("          connected in %s", dump.Span(c.Connected.Sub(c.Start)))
		if !c.Secured.IsZero() {
			p.line("          TLS handshake in %s", dump.Span(c.Secured.Sub(c.Connected)))
		}
	}
	t := c.TLS
	if t == nil {
		return
	}
	p.line("          %s, %s, SNI %q, ALPN %q of %q%s", tls.VersionName(t.Version), tls.CipherSuiteName(t.Cipher), t.SNI, t.ALPN,
		t.Offered, map[bool]string{true: ", resumed"}[t.Resumed])
	if t.JA4 != "" {
		p.line("          JA4 %s, JA3 %s", t.JA4, t.JA3)
	}
	if len(t.Certificates) > 0 {
		if cert, err := x509.ParseCertificate(t.Certificates[0]); err == nil {
			p.line("          certificate %s, by %s, until %s", strings.Join(cert.DNSNames, " "), cert.Issuer, cert.NotAfter.Format(time.DateOnly))
		}
	}
}

func (p *page) head(first string, m *flow.Message) {
	p.line("    %s", first)
	for _, f := range m.Fields {
		p.line("    %s", f.Line())
	}
	if len(m.Trailers) > 0 {
		p.line("  trailers")
		for _, f := range m.Trailers {
			p.line("    %s", f.Line())
		}
	}
}

// messages says that there may be messages in a body, and how to see them.
func (p *page) messages(f *flow.Flow, side flow.Side) {
	k, _ := KindOf(f, side)
	if k == message.None || bodyOf(f, side).Record == flow.Unrecorded {
		return
	}
	how := "--messages"
	if side == flow.ToServer {
		how += " --request"
	}
	count := ""
	if n := bodyOf(f, side).Messages; n > 0 {
		count = fmt.Sprintf("%d, ", n)
	}
	p.line("    messages: %s%s (%s lists them)", count, k, how)
}

func (p *page) body(b *flow.Body, always bool, title string) {
	if b.Disposition == flow.NoBody && !always {
		p.line("  no body")
		return
	}
	if always {
		p.line("")
		p.line("%s", title)
	}
	text := "  body: " + b.Disposition.String()
	if b.Reason != "" {
		text += " (" + b.Reason + ")"
	}
	p.line("%s", text)
	for _, c := range b.Changes {
		p.line("    at %d bytes: %s (%s)", c.Offset, c.To, c.Reason)
	}
	declared := "length not declared"
	if b.Declared >= 0 {
		declared = fmt.Sprintf("declared %d", b.Declared)
	}
	p.line("    %s, received %d, sent %d%s", declared, b.Received, b.Sent, map[bool]string{true: ", rewritten on its way"}[b.Transformed])
	record := "    " + b.Record.String()
	if b.Record != flow.Unrecorded {
		record = fmt.Sprintf("    record %s, %d bytes", b.Record, b.Recorded)
	}
	if b.Removed > 0 && b.Recorded > 0 {
		record += fmt.Sprintf(" from byte %d on", b.Removed)
	}
	if b.CutReason != "" {
		record += ": " + b.CutReason
	}
	p.line("%s", record)
}
