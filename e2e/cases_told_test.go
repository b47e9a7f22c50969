package e2e

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// A told is one flow as `dump --json` tells it.
type told struct {
	URL     string
	Kind    string
	Request struct {
		Line, Method, Path string
		Fields             [][2]string
		Trailers           [][2]string
	}
	Response *struct {
		Status   int
		Fields   [][2]string
		Trailers [][2]string
	}
	Interim      []struct{ Status int }
	RequestBody  toldBody `json:"request_body"`
	ResponseBody toldBody `json:"response_body"`
	Findings     []struct{ Code, Text string }
	Outcome      struct{ Text, Error, Phase string }
	Tries        []struct{ Error string }
}

type toldBody struct {
	Disposition string
	Sent        int64
	Recorded    int64
	Record      string
	Ended       bool
}

func (f *told) has(code string) bool {
	for _, x := range f.Findings {
		if x.Code == code {
			return true
		}
	}
	return false
}

func (f *told) codes() []string {
	var all []string
	for _, x := range f.Findings {
		all = append(all, x.Code)
	}
	return all
}

// told waits until the proxy has told of n flows that the filter takes, and
// returns them. The proxy must have been started with --json.
func (p *proxy) told(n int, take func(*told) bool) []told {
	p.t.Helper()
	deadline := time.After(brief)
	for {
		p.stdout.mu.Lock()
		if p.stdout.changed == nil {
			p.stdout.changed = make(chan struct{})
		}
		changed := p.stdout.changed
		text := bytes.Clone(p.stdout.text.Bytes())
		p.stdout.mu.Unlock()
		var flows []told
		for line := range bytes.Lines(text) {
			var f told
			if bytes.HasSuffix(line, []byte("\n")) && json.Unmarshal(line, &f) == nil && take(&f) {
				flows = append(flows, f)
			}
		}
		if len(flows) >= n {
			return flows
		}
		select {
		case <-changed:
		case <-deadline:
			p.t.Errorf("only %d flows of %d are told", len(flows), n)
			return slices.Grow(flows, n)[:n]
		}
	}
}

// to takes the HTTP flows to an origin.
func to(address string) func(*told) bool {
	return func(f *told) bool { return f.Kind == "http" && strings.Contains(f.URL, address) }
}
