package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"midstream/internal/flowview"
)

// Bounds of a search in one body.
const (
	maxSought   = 4 << 10 // octets of the text
	maxPlaces   = 1000
	soughtEvery = 200 * time.Millisecond // between two words of how far it is
)

// Found is a line of what a search in a body says.
type Found struct {
	Places   []int64 `json:"places"`   // offsets of octets, each once
	Searched int64   `json:"searched"` // octets that were looked through
	// Whole is true in the last line, where the search came to the end of the body.
	Whole bool `json:"whole"`
	// Error is why it ended before.
	Error string `json:"error,omitempty"`
}

// getFind is GET /flows/{id}/{side}/find.
func (s *Server) getFind(w http.ResponseWriter, r *http.Request) error {
	side, err := sideOf(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	text := q.Get("text")
	if text == "" || len(text) > maxSought {
		return badRequest("give text, at most %d octets", maxSought)
	}
	as := q.Get("as")
	if as != "" && as != "decoded" && as != "raw" {
		return badRequest("as=%q: give decoded or raw", as)
	}
	most, err := number(r, "n", maxPlaces)
	if err != nil {
		return err
	}
	if most < 1 || most > maxPlaces {
		return badRequest("n=%d: give a number from 1 to %d", most, maxPlaces)
	}
	n, err := s.flowNumber(r)
	if err != nil {
		return err
	}
	if _, err := s.reader.Get(r.Context(), n); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer s.whenStopping(cancel)()
	w.Header().Set("Content-Type", "application/x-ndjson")
	out := json.NewEncoder(&flushing{w: w, ctl: http.NewResponseController(w), at: true})
	f := &finder{word: lower([]byte(text)), left: int(most), tell: out.Encode}
	if body, err := s.reader.Body(ctx, n, side); err == nil { // else there is nothing, and Copy says why
		f.at = body.First()
		body.Close()
	}
	err = flowview.Copy(ctx, f, s.reader, flowview.Octets{Number: n, Side: side, Raw: as == "raw"})
	last := f.news()
	switch {
	case err == nil:
		last.Whole = true
	case !errors.Is(err, errEnoughFound):
		last.Error = asError(err).Text
	}
	_ = out.Encode(last) // the client has left
	return nil
}

var errEnoughFound = errors.New("as many places as are wanted were found")

// finder looks for a word in what is written to it, letters of ASCII in either case.
type finder struct {
	word []byte // in small letters
	left int    // places that are wanted yet
	tell func(any) error

	at     int64 // octets that were looked through
	front  []byte
	buf    []byte
	places []int64
	told   time.Time
}

func (f *finder) Write(p []byte) (int, error) {
	f.buf = append(append(f.buf[:0], f.front...), p...)
	lowered := lower(f.buf)
	begin := f.at - int64(len(f.front))
	from := 0
	for {
		i := bytes.Index(lowered[from:], f.word)
		if i < 0 {
			break
		}
		f.places = append(f.places, begin+int64(from+i))
		from += i + len(f.word)
		if f.left--; f.left == 0 {
			f.at = begin + int64(from)
			return 0, errEnoughFound
		}
	}
	f.at += int64(len(p))
	// The end may be the start of one.
	f.front = append(f.front[:0], lowered[max(from, len(lowered)-len(f.word)+1):]...)
	if time.Since(f.told) >= soughtEvery || len(f.places) >= 100 {
		if err := f.tell(f.news()); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// news is what has not been told.
func (f *finder) news() Found {
	out := Found{Places: f.places, Searched: f.at}
	if out.Places == nil {
		out.Places = []int64{}
	}
	f.places, f.told = nil, time.Now()
	return out
}

// lower makes small letters of the capital ones of ASCII, in place.
func lower(p []byte) []byte {
	for i, c := range p {
		if c-'A' < 26 {
			p[i] = c + 'a' - 'A'
		}
	}
	return p
}
