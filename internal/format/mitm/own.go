package mitm

import (
	"encoding/json"
	"fmt"

	"midstream/flow"
	"midstream/internal/format"
	"midstream/internal/format/tnet"
)

// ownKey is the key of a flow's metadata under which stands, as JSON, what
// midstream saw and the format has no key for.
const ownKey = "midstream"

// own is that.
type own struct {
	Outcome  flow.Outcome
	Request  flow.Body
	Response flow.Body
	Findings []flow.Finding  `json:",omitempty"`
	Tries    []flow.Try      `json:",omitempty"`
	Interim  []flow.Response `json:",omitempty"`
	// NoClient and NoServer tell that nothing was connected on that side: the
	// format must have something there.
	NoClient bool `json:",omitempty"`
	NoServer bool `json:",omitempty"`
}

func ownOf(f *flow.Flow) own {
	return own{Outcome: f.Outcome, Request: f.RequestBody, Response: f.ResponseBody, Findings: f.Findings, Tries: f.Tries, Interim: f.Interim,
		NoClient: f.Client == nil, NoServer: f.Server == nil}
}

// ownState is what stands under ownKey for a flow whose state is v: nothing where
// a reader would make the same flow of v alone.
func ownState(v *tnet.Value, it *format.Item) (string, error) {
	mine, err := json.Marshal(ownOf(it.Flow))
	if err != nil {
		return "", fmt.Errorf("write what midstream saw: %w", err)
	}
	bare, err := item(v)
	if err != nil {
		return "", err
	}
	if theirs, err := json.Marshal(ownOf(bare.Flow)); err != nil || string(theirs) == string(mine) {
		return "", err
	}
	return string(mine), nil
}

// restoreOwn takes what midstream saw out of the metadata.
func restoreOwn(f *flow.Flow) {
	text, ok := f.Metadata[ownKey]
	if !ok {
		return
	}
	var o own
	if json.Unmarshal([]byte(text), &o) != nil || o.Outcome.Kind == flow.Running || o.Outcome.Kind > flow.Interrupt ||
		o.Request.Sent != f.RequestBody.Sent && f.RequestBody.Sent > 0 || o.Response.Sent != f.ResponseBody.Sent && f.ResponseBody.Sent > 0 {
		return // somebody else wrote it, or changed the flow since
	}
	if delete(f.Metadata, ownKey); len(f.Metadata) == 0 {
		f.Metadata = nil
	}
	f.Outcome, f.Findings, f.Tries, f.Interim = o.Outcome, o.Findings, o.Tries, o.Interim
	f.RequestBody, f.ResponseBody = o.Request, o.Response
	if o.NoClient {
		f.Client = nil
	}
	if o.NoServer {
		f.Server = nil
	}
}
