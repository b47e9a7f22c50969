package flowview

import (
	"crypto/tls"
	"encoding/base64"
	"io"
	"time"

	"midstream/flow"
)

// The JSON of one flow. Keys are only ever added; times are RFC 3339 in UTC and
// null where nothing happened; octets that are not UTF-8 become U+FFFD.
type flowJSON struct {
	Schema       int               `json:"schema"`
	Number       uint64            `json:"number"`
	ID           string            `json:"id"`
	Kind         string            `json:"kind"`
	URL          string            `json:"url"`
	Start        *time.Time        `json:"start"`
	End          *time.Time        `json:"end"`
	Outcome      outcomeJSON       `json:"outcome"`
	Client       *connJSON         `json:"client"`
	Server       *connJSON         `json:"server"`
	Request      *requestJSON      `json:"request"`
	Interim      []responseJSON    `json:"interim"`
	Response     *responseJSON     `json:"response"`
	RequestBody  bodyJSON          `json:"request_body"`
	ResponseBody bodyJSON          `json:"response_body"`
	Tries        []tryJSON         `json:"tries"`
	Findings     []findingJSON     `json:"findings"`
	Marker       string            `json:"marker"`
	Comment      string            `json:"comment"`
	Metadata     map[string]string `json:"metadata"`
}

type outcomeJSON struct {
	Text  string `json:"text"`
	Bytes int64  `json:"bytes"`
	Phase string `json:"phase"`
	Error string `json:"error"`
}

type connJSON struct {
	ID        string     `json:"id"`
	Address   string     `json:"address"`
	Peer      string     `json:"peer"`
	Local     string     `json:"local"`
	Mode      string     `json:"mode"`
	Start     *time.Time `json:"start"`
	Connected *time.Time `json:"connected"`
	Secured   *time.Time `json:"secured"`
	End       *time.Time `json:"end"`
	TLS       *tlsJSON   `json:"tls"`
}

type tlsJSON struct {
	Version      string   `json:"version"`
	Cipher       string   `json:"cipher"`
	SNI          string   `json:"sni"`
	ALPN         string   `json:"alpn"`
	Offered      []string `json:"offered"`
	Resumed      bool     `json:"resumed"`
	Certificates []string `json:"certificates"` // DER, base64
}

type messageJSON struct {
	Version  string      `json:"version"`
	Fields   [][2]string `json:"fields"`
	Trailers [][2]string `json:"trailers"`
	Start    *time.Time  `json:"start"`
	End      *time.Time  `json:"end"`
}

type requestJSON struct {
	Line      string `json:"line"`
	Method    string `json:"method"`
	Scheme    string `json:"scheme"`
	Host      string `json:"host"`
	Port      uint16 `json:"port"`
	Authority string `json:"authority"`
	Path      string `json:"path"`
	messageJSON
}

type responseJSON struct {
	Line   string `json:"line"`
	Status int    `json:"status"`
	Reason string `json:"reason"`
	messageJSON
}

type bodyJSON struct {
	Disposition string       `json:"disposition"`
	Reason      string       `json:"reason"`
	Changes     []changeJSON `json:"changes"`
	Declared    *int64       `json:"declared"`
	Received    int64        `json:"received"`
	Sent        int64        `json:"sent"`
	Record      string       `json:"record"`
	Recorded    int64        `json:"recorded"`
	CutReason   string       `json:"cut_reason"`
	Transformed bool         `json:"transformed"`
	Ended       bool         `json:"ended"`
}

type changeJSON struct {
	Offset int64  `json:"offset"`
	To     string `json:"to"`
	Reason string `json:"reason"`
}

type tryJSON struct {
	Address string     `json:"address"`
	Start   *time.Time `json:"start"`
	Reused  bool       `json:"reused"`
	Error   string     `json:"error"`
}

type findingJSON struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

// PageJSON writes what Page does, as one JSON object.
func PageJSON(w io.Writer, f *flow.Flow) error {
	j := flowJSON{
		Schema: schema, Number: f.Number, ID: f.ID.String(), Kind: f.Kind.String(), Start: when(f.Start), End: when(f.End),
		Outcome: outcomeJSON{f.Outcome.String(), f.Outcome.Bytes, f.Outcome.Phase, f.Outcome.Text},
		Client:  connOf(f.Client), Server: connOf(f.Server),
		RequestBody: bodyOf(&f.RequestBody), ResponseBody: bodyOf(&f.ResponseBody),
		Interim: []responseJSON{}, Tries: []tryJSON{}, Findings: []findingJSON{},
		Marker: f.Marker, Comment: f.Comment, Metadata: f.Metadata,
	}
	if j.Metadata == nil {
		j.Metadata = map[string]string{}
	}
	if r := f.Request; r != nil {
		j.URL = r.DisplayURL()
		j.Request = &requestJSON{requestLine(r), r.Method, r.Scheme, r.Host, r.Port, r.Authority, r.Path, messageOf(&r.Message)}
	}
	if f.Response != nil {
		r := responseOf(f.Response)
		j.Response = &r
	}
	for i := range f.Interim {
		j.Interim = append(j.Interim, responseOf(&f.Interim[i]))
	}
	for _, t := range f.Tries {
		j.Tries = append(j.Tries, tryJSON{t.Address, when(t.Start), t.Reused, t.Error})
	}
	for _, g := range f.Findings {
		j.Findings = append(j.Findings, findingJSON(g))
	}
	return writeJSON(w, j, "  ")
}

func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func connOf(c *flow.Conn) *connJSON {
	if c == nil {
		return nil
	}
	j := &connJSON{ID: c.ID.String(), Address: c.Address, Peer: c.Peer, Local: c.Local, Mode: c.Mode,
		Start: when(c.Start), Connected: when(c.Connected), Secured: when(c.Secured), End: when(c.End)}
	if t := c.TLS; t != nil {
		j.TLS = &tlsJSON{Version: tls.VersionName(t.Version), Cipher: tls.CipherSuiteName(t.Cipher), SNI: t.SNI, ALPN: t.ALPN,
			Offered: append([]string{}, t.Offered...), Resumed: t.Resumed, Certificates: []string{}}
		for _, c := range t.Certificates {
			j.TLS.Certificates = append(j.TLS.Certificates, base64.StdEncoding.EncodeToString(c))
		}
	}
	return j
}

func messageOf(m *flow.Message) messageJSON {
	return messageJSON{m.Version.String(), pairs(m.Fields), pairs(m.Trailers), when(m.Start), when(m.End)}
}

func pairs(fs flow.Fields) [][2]string {
	list := make([][2]string, 0, len(fs))
	for _, f := range fs {
		list = append(list, [2]string{f.Name, f.Value})
	}
	return list
}

func responseOf(r *flow.Response) responseJSON {
	return responseJSON{statusLine(r), r.Status, r.Reason, messageOf(&r.Message)}
}

func bodyOf(b *flow.Body) bodyJSON {
	j := bodyJSON{Disposition: b.Disposition.Word(), Reason: b.Reason, Changes: []changeJSON{}, Received: b.Received, Sent: b.Sent,
		Record: b.Record.String(), Recorded: b.Recorded, CutReason: b.CutReason, Transformed: b.Transformed, Ended: b.Ended}
	if b.Declared >= 0 {
		j.Declared = &b.Declared
	}
	for _, c := range b.Changes {
		j.Changes = append(j.Changes, changeJSON{c.Offset, c.To.Word(), c.Reason})
	}
	return j
}
