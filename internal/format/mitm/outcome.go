package mitm

import (
	"strings"
	"time"

	"midstream/flow"
	"midstream/internal/format"
	"midstream/internal/format/tnet"
)

// outcome reads how a flow ended, and when.
func (r *reader) outcome(v *tnet.Value, it *format.Item) {
	f := it.Flow
	if f.Start.IsZero() && f.Request != nil {
		f.Start = f.Request.Start
	}
	f.End = f.Start
	if f.Request != nil {
		later(&f.End, f.Request.End)
	}
	if f.Response != nil {
		later(&f.End, f.Response.Start)
		later(&f.End, f.Response.End)
	}
	if it.Closing != nil {
		later(&f.End, it.Closing.Time)
	}
	for _, c := range []*flow.Conn{f.Client, f.Server} {
		if f.Kind != flow.HTTP && c != nil {
			later(&f.End, c.End)
		}
	}
	f.Outcome.Kind = flow.Completed
	e := v.Key("error")
	if e.Tag() != tnet.Dict {
		return
	}
	later(&f.End, r.time(e, "timestamp"))
	f.Outcome = flow.Outcome{Kind: kindOf(r.text(e, "msg"), f.Response != nil), Text: r.text(e, "msg"), Bytes: f.ResponseBody.Sent}
	if f.Response != nil {
		f.ResponseBody.Ended = false
	} else {
		f.RequestBody.Ended = false
	}
}

func later(at *time.Time, than time.Time) {
	if than.After(*at) {
		*at = than
	}
}

// kindOf tells an outcome by the words that mitmproxy has for it.
func kindOf(text string, begun bool) flow.OutcomeKind {
	s := strings.ToLower(text)
	switch {
	case strings.Contains(s, "killed"):
		return flow.Killed
	case strings.Contains(s, "by client"), strings.Contains(s, "client disconnect"), strings.Contains(s, "client closed"), strings.Contains(s, "client left"):
		return flow.ClientLeft
	case strings.Contains(s, "timed out"), strings.Contains(s, "timeout"):
		return flow.TimedOut
	case strings.Contains(s, "reset"):
		return flow.WasReset
	case begun:
		return flow.ServerCut
	}
	return flow.Failed
}
