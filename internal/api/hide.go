package api

import (
	"bytes"
	"mime"
	"net/http"

	"midstream/internal/redaction"
)

// veil hides what has not been asked for. What is recorded it does not change.
var veil = redaction.NewVeil()

// hides tells whether credentials are hidden in an answer.
func hides(r *http.Request) (bool, error) {
	switch q := r.URL.Query(); {
	case !q.Has("hide"):
		return false, nil
	case q.Get("hide") != "credentials":
		return false, badRequest("hide=%q: credentials can be hidden", q.Get("hide"))
	}
	return true, nil
}

// veiling hides credentials in an answer, whatever it is: it is the one way out of
// requests with hide=credentials. JSON it takes whole, of events each, octets piece
// by piece and keeps their number.
type veiling struct {
	http.ResponseWriter
	kind   string
	status int
	whole  bytes.Buffer
	octets *redaction.Octets
}

func newVeiling(w http.ResponseWriter) *veiling {
	return &veiling{ResponseWriter: w, octets: veil.Octets()}
}

// Unwrap is for http.ResponseController.
func (v *veiling) Unwrap() http.ResponseWriter { return v.ResponseWriter }

func (v *veiling) WriteHeader(status int) {
	if v.status != 0 {
		return
	}
	v.status = status
	v.kind, _, _ = mime.ParseMediaType(v.Header().Get("Content-Type"))
	if v.kind != "application/json" {
		v.ResponseWriter.WriteHeader(status)
	}
}

func (v *veiling) Write(p []byte) (int, error) {
	v.WriteHeader(http.StatusOK)
	var err error
	switch v.kind {
	case "application/json":
		return v.whole.Write(p)
	case "text/event-stream":
		_, err = v.ResponseWriter.Write(hiddenEvent(p))
	default:
		_, err = v.ResponseWriter.Write(v.octets.Next(p))
	}
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// end sends what was taken whole.
func (v *veiling) end() {
	if v.kind != "application/json" {
		return
	}
	v.ResponseWriter.WriteHeader(v.status)
	_, _ = v.ResponseWriter.Write(veil.JSON(v.whole.Bytes())) // the client has left
}

// hiddenEvent is what one Write of events has; its data is in one line.
func hiddenEvent(p []byte) []byte {
	at := bytes.Index(p, []byte("\ndata: "))
	if at < 0 {
		return p
	}
	at += len("\ndata: ")
	data := bytes.TrimSuffix(p[at:], []byte("\n\n"))
	hidden := veil.JSON(data)
	if len(hidden) == len(data) && bytes.Equal(hidden, data) {
		return p
	}
	return append(append(bytes.Clone(p[:at]), hidden...), '\n', '\n')
}

// before is how many octets in front of a part of a body are looked at: a credential
// that is longer is not known as one where its name is further away.
const before = 16 << 10

// behind tells the one that hides what stands in front of the octets that follow. It
// is nil where nothing is hidden.
func behind(w http.ResponseWriter) *veiling {
	v, _ := w.(*veiling)
	return v
}

// lead is how many octets in front of an offset are wanted.
func (v *veiling) lead(first, at int64) int64 {
	if v == nil {
		return 0
	}
	return min(before, at-first)
}
