package api

import (
	"context"
	"net"
	"strings"

	"midstream/flow"
)

// Facts are what lists show of a flow beyond what the index of a session holds.
// Who wants them says so: for each row of the past its flow is read.
type Facts struct {
	FirstByte *float64 `json:"first_byte_seconds"` // from the start; null without a response
	Client    string   `json:"client"`             // its address without the port
	Agent     string   `json:"agent"`              // the first product of User-Agent
	Replayed  bool     `json:"replayed"`           // midstream has sent the request again
	Version   string   `json:"version"`            // of the response, else of the request
	Reason    string   `json:"reason"`             // as on the wire
}

// maxFact bounds texts of clients and servers, in octets.
const maxFact = 200

func factsOf(f *flow.Flow) *Facts {
	a := &Facts{Replayed: f.Replayed == flow.RequestReplayed}
	if f.Client != nil {
		a.Client = f.Client.Peer
		if host, _, err := net.SplitHostPort(a.Client); err == nil {
			a.Client = host
		}
	}
	if r := f.Request; r != nil {
		a.Version = r.Version.String()
		agent, _, _ := strings.Cut(flow.TrimSpace(r.Fields.Get("User-Agent")), " ")
		a.Agent = agent[:min(len(agent), maxFact)]
	}
	if r := f.Response; r != nil {
		a.Version, a.Reason = r.Version.String(), r.Reason[:min(len(r.Reason), maxFact)]
		if !r.Start.IsZero() && !r.Start.Before(f.Start) {
			s := r.Start.Sub(f.Start).Seconds()
			a.FirstByte = &s
		}
	}
	return a
}

// complete adds the facts to rows that have been read.
func (h *Hub) complete(ctx context.Context, rows []Row) {
	for i := range rows {
		if rows[i].Gone {
			continue
		}
		if f, err := h.reader.Get(ctx, rows[i].Number); err == nil { // else it has been removed since
			rows[i].Facts = factsOf(f)
		}
	}
}
