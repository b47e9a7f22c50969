package api

import (
	"net/http"
	"net/netip"
	"os"
	"runtime/metrics"
	"strconv"
	"time"

	"midstream/internal/ca"
)

// State is what is running.
type State struct {
	Version   string          `json:"version"`
	PID       int             `json:"pid"`
	Started   time.Time       `json:"started"`
	Listeners []ListenerState `json:"listeners"`
	Proxies   []string        `json:"proxies"`
	// Elsewhere are the addresses by which other machines reach the listeners.
	Elsewhere []string       `json:"elsewhere"`
	CA        string         `json:"ca"`
	Session   *SessionState  `json:"session"`
	Capture   bool           `json:"capture"`
	ReadOnly  bool           `json:"readonly"`
	Intercept InterceptState `json:"intercept"`
	// ViewFilter is what a new window begins with.
	ViewFilter string `json:"view_filter"`
	// Visitors are clients that have asked for the page with the certificate, the newest
	// first.
	Visitors []Visitor `json:"visitors"`
	// Browser is the name of one that POST /browser opens, "" where it does not.
	Browser string `json:"browser"`
}

// Visitor is a client of the page with the certificate.
type Visitor struct {
	Client  string    `json:"client"`
	Device  string    `json:"device"`
	Through bool      `json:"through"`
	Trusted bool      `json:"trusted"`
	Last    time.Time `json:"last"`
}

// ListenerState is one way in.
type ListenerState struct {
	Mode      string   `json:"mode"`
	Addresses []string `json:"addresses"`
}

// SessionState is where flows are recorded.
type SessionState struct {
	Dir     string  `json:"dir"`
	Named   bool    `json:"named"`
	Keep    float64 `json:"keep_seconds"`
	MaxSize int64   `json:"max_size"`
	Heads   bool    `json:"heads_only"`
	Size    int64   `json:"size"`
	Failure string  `json:"failure"`
}

// InterceptState is whether flows are held.
type InterceptState struct {
	Filter string `json:"filter"`
	Active bool   `json:"active"`
	Held   int    `json:"held"`
	// Next is "waiting" or "caught" where only the next flow is held, else "".
	Next string `json:"next"`
}

func (s *Server) state(r *http.Request) State {
	in := s.cfg.Instance
	st := State{
		Version: s.cfg.Version, PID: os.Getpid(), Started: s.started.UTC(), Listeners: []ListenerState{}, Proxies: append([]string{}, in.Proxies()...),
		CA: in.CA().Path(ca.CertFile), Capture: s.control.Capture(), ReadOnly: isReadOnly(r.Context()), Intercept: s.interceptState(), Browser: s.browserFor(r),
	}
	st.ViewFilter, _ = s.control.Options().OptionalString("view_filter")
	st.Visitors = []Visitor{}
	for _, v := range s.control.Visitors() {
		st.Visitors = append(st.Visitors, Visitor{v.Client, v.Device, v.Through, v.Trusted, v.Last.UTC()})
	}
	var listening []netip.AddrPort
	for _, l := range in.Listeners() {
		listening = append(listening, l.Addresses...)
		one := ListenerState{Mode: l.Mode, Addresses: []string{}}
		for _, a := range l.Addresses {
			one.Addresses = append(one.Addresses, a.String())
		}
		st.Listeners = append(st.Listeners, one)
	}
	st.Elsewhere = reachable(listening, ownAddresses())
	if session := in.Session(); session.Dir != "" {
		st.Session = &SessionState{Dir: session.Dir, Named: session.Named, Keep: session.Keep.Seconds(), MaxSize: session.MaxSize,
			Heads: session.Heads, Size: s.control.Store().Size()}
		if err := s.control.Store().Failure(); err != nil {
			st.Session.Failure = err.Error()
		}
	}
	return st
}

// getState is GET /state.
func (s *Server) getState(w http.ResponseWriter, r *http.Request) error {
	writeJSON(w, http.StatusOK, s.state(r))
	return nil
}

// putCapture is PUT /capture.
func (s *Server) putCapture(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		On *bool `json:"on"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	if in.On == nil {
		return badRequest("say on: true or false")
	}
	s.control.SetCapture(*in.On)
	s.tellState(w, r)
	return nil
}

// tellState answers with the state, and tells all readers of it.
func (s *Server) tellState(w http.ResponseWriter, r *http.Request) {
	st := s.state(r)
	told := st
	if told.ReadOnly = s.readOnly.Load(); told.ReadOnly { // those who read a feed are pages
		told.Browser = ""
	}
	s.hub.tellAll("state", told)
	writeJSON(w, http.StatusOK, st)
}

// Stats are numbers about what passes.
type Stats struct {
	Uptime      float64 `json:"uptime_seconds"`
	Flows       uint64  `json:"flows"`
	Ended       uint64  `json:"ended"`
	Live        int     `json:"live"`
	Held        int     `json:"held"`
	Missing     uint64  `json:"missing"`
	SessionSize int64   `json:"session_size"`
	Views       int     `json:"views"`
	Readers     int     `json:"readers"`
	Resyncs     int64   `json:"resyncs"`
	Memory      uint64  `json:"memory"`
}

// getStats is GET /stats.
func (s *Server) getStats(w http.ResponseWriter, r *http.Request) error {
	st := Stats{Uptime: time.Since(s.started).Seconds(), Held: s.interceptState().Held, Resyncs: s.hub.resyncs.Load()}
	st.Flows, st.Ended, st.Live = s.control.Counts()
	st.Views, st.Readers = s.hub.readers()
	if session := s.control.Store(); session != nil {
		st.Missing, st.SessionSize = session.Missing(), session.Size()
	}
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(heap)
	st.Memory = heap[0].Value.Uint64()
	writeJSON(w, http.StatusOK, st)
	return nil
}

// getLog is GET /log.
func (s *Server) getLog(w http.ResponseWriter, r *http.Request) error {
	after := uint64(0)
	if text := r.URL.Query().Get("after"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return badRequest("after=%q: give a whole number", text)
		}
		after = n
	}
	writeJSON(w, http.StatusOK, map[string][]LogEntry{"entries": s.cfg.Lines.After(after)})
	return nil
}
