package store

import (
	"strings"
	"time"

	"midstream/flow"
)

// Summary is one line of the list of flows: what an index row holds.
type Summary struct {
	Number   uint64
	ID       flow.ID
	Kind     flow.Kind
	Start    time.Time
	Duration time.Duration // 0 while it lives
	Method   string
	Scheme   string
	Host     string // as the client named it; host or host:port
	Path     string // path and query; at most 2 KiB
	Status   int    // 0 without a response that was passed on
	Type     string // media type of the response, without parameters
	Request  BodySummary
	Response BodySummary
	Outcome  flow.Outcome // without Phase
	Marker   string
}

// BodySummary tells about one body.
type BodySummary struct {
	Disposition flow.Disposition
	Size        int64 // octets that were sent on
	Record      flow.Record
}

// URL puts the parts of the target together again.
func (s *Summary) URL() string {
	if s.Method == "CONNECT" && s.Path == "" || s.Scheme == "" {
		return s.Host
	}
	if s.Path == "*" {
		return s.Scheme + "://" + s.Host
	}
	return s.Scheme + "://" + s.Host + s.Path
}

const maxSummaryText = 2 << 10

func cutText(s string) string {
	if len(s) > maxSummaryText {
		return s[:maxSummaryText]
	}
	return s
}

// Summarize makes the line of f.
func Summarize(f *flow.Flow) Summary {
	s := Summary{
		Number: f.Number, ID: f.ID, Kind: f.Kind, Start: f.Start,
		Request:  BodySummary{f.RequestBody.Disposition, size(&f.RequestBody), f.RequestBody.Record},
		Response: BodySummary{f.ResponseBody.Disposition, size(&f.ResponseBody), f.ResponseBody.Record},
		Outcome:  flow.Outcome{Kind: f.Outcome.Kind, Bytes: f.Outcome.Bytes, Text: cutText(f.Outcome.Text), Answered: f.Outcome.Answered},
		Marker:   cutText(f.Marker),
	}
	if f.RPC != nil && f.RPC.Code != 0 && s.Outcome.Text == "" {
		s.Outcome.Text = cutText(f.RPC.String()) // the exchange is complete, the call failed
	}
	if !f.End.IsZero() {
		s.Duration = f.End.Sub(f.Start)
	}
	if r := f.Request; r != nil {
		s.Method, s.Scheme, s.Path = cutText(r.Method), r.Scheme, cutText(r.Path)
		s.Host = displayHost(r)
	} else if f.Server != nil {
		s.Host = f.Server.Address
	}
	s.Host = cutText(s.Host)
	if r := f.Response; r != nil {
		if s.Outcome.Answered == 0 {
			s.Status = r.Status
		}
		s.Type = cutText(mediaType(r.Fields.Get("Content-Type")))
	}
	return s
}

func size(b *flow.Body) int64 { return max(b.Sent, b.Recorded) }

func displayHost(r *flow.Request) string {
	if r.Form == flow.AuthorityForm {
		return r.Address()
	}
	host := r.Authority
	if host == "" {
		host = r.Fields.Get("Host")
	}
	if host == "" {
		return flow.HostPort(r.Scheme, r.Host, r.Port)
	}
	switch r.Scheme {
	case "http":
		return strings.TrimSuffix(host, ":80")
	case "https":
		return strings.TrimSuffix(host, ":443")
	}
	return host
}

func mediaType(v string) string {
	t, _, _ := strings.Cut(v, ";")
	return strings.ToLower(flow.TrimSpace(t))
}
