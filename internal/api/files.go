package api

import (
	"errors"
	"io"
	"iter"
	"net/http"
	"strconv"
	"strings"

	"midstream/internal/capture"
	"midstream/internal/redaction"
	"midstream/internal/store"
)

// fileKind reads which kind of file is meant.
func fileKind(r *http.Request, def capture.Kind) (capture.Kind, error) {
	text := r.URL.Query().Get("as")
	if text == "" {
		return def, nil
	}
	kind, err := capture.ParseKind(text)
	if err != nil || kind == capture.Session {
		return "", badRequest("as=%q: give mitm, har or zhar", text)
	}
	return kind, nil
}

// getSave is GET /save.
func (s *Server) getSave(w http.ResponseWriter, r *http.Request) error {
	kind, err := fileKind(r, capture.Mitm)
	if err != nil {
		return err
	}
	filter, err := s.parse(r.URL.Query().Get("filter"))
	if err != nil {
		return err
	}
	s.control.Store().Flush()
	list := s.reader.List(r.Context(), store.ListOptions{Filter: filter})
	if text := r.URL.Query().Get("numbers"); text != "" {
		if list, err = listed(text); err != nil {
			return err
		}
	}
	src, err := s.seen(r.URL.Query().Has("redact"), capture.FromReader(r.Context(), s.reader, list))
	if err != nil {
		return err
	}
	defer src.Close()
	out := &flushing{w: w, ctl: http.NewResponseController(w)}
	sink, err := capture.Create("-", kind, out, capture.Options{Creator: "midstream", CreatorVersion: s.cfg.Version})
	if err != nil {
		return err
	}
	ending := map[capture.Kind]string{capture.Mitm: "mitm", capture.HAR: "har", capture.ZHAR: "zhar"}[kind]
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", `attachment; filename="flows.`+ending+`"`)
	w.Header().Set("Trailer", "Midstream-Error, Midstream-Secrets")
	var carried redaction.Carried
	var some error // what is left out, or not whole
	for {
		it, err := src.Next()
		if err == io.EOF {
			break
		}
		if _, undecided := store.Undecided(err); undecided {
			some = err
			break
		}
		if _, damaged := errors.AsType[*capture.Damaged](err); damaged {
			if some, err = err, nil; it == nil {
				continue
			}
		}
		if err == nil {
			carried.Add(it.Flow)
			_, err = sink.Write(it)
		}
		if err != nil {
			sink.Abort()
			if !out.begun {
				return err
			}
			trail(w, err)
			return nil
		}
	}
	if err := sink.Close(); err != nil {
		some = err
	}
	if names := carried.Names(); len(names) > 0 {
		w.Header().Set("Midstream-Secrets", field(strings.Join(names, ", ")))
	}
	trail(w, some)
	return nil
}

// seen gives the flows of src with their credentials replaced, where that is asked
// for.
func (s *Server) seen(redact bool, src capture.Source) (capture.Source, error) {
	if !redact {
		return src, nil
	}
	return s.control.Hidden(src)
}

// maxLoad bounds a file that is loaded, in octets.
const maxLoad = 64 << 30

// Loaded is what came of a file.
type Loaded struct {
	Loaded  int      `json:"loaded"`
	Damaged []string `json:"damaged"`
}

// postLoad is POST /load.
func (s *Server) postLoad(w http.ResponseWriter, r *http.Request) error {
	kind, err := fileKind(r, "")
	if err != nil {
		return err
	}
	src, err := capture.Open(r.Context(), "-", kind, http.MaxBytesReader(w, r.Body, maxLoad))
	if err != nil {
		return badRequest("%s", asError(err).Text)
	}
	defer src.Close()
	return s.takeIn(w, r, src)
}

// takeIn adds the flows of a source to the session.
func (s *Server) takeIn(w http.ResponseWriter, r *http.Request, src capture.Source) error {
	src = s.control.Redacted(src)
	defer src.Close()
	out := Loaded{Damaged: []string{}}
	sink := capture.Into(s.control.Store())
	defer s.hub.again()
	for r.Context().Err() == nil {
		it, err := src.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			if len(out.Damaged) < maxFailed {
				out.Damaged = append(out.Damaged, asError(err).Text)
			}
			if _, one := errors.AsType[*capture.Damaged](err); !one {
				break
			}
			if it == nil {
				continue
			}
		}
		if _, err := sink.Write(it); err != nil {
			return err
		}
		out.Loaded++
	}
	s.control.Store().Flush()
	if out.Loaded == 0 && len(out.Damaged) > 0 {
		return badRequest("%s", out.Damaged[0])
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

// maxListed bounds the flows that a URL names.
const maxListed = 2000

// listed are the flows whose numbers stand in a text with commas between them.
func listed(text string) (iter.Seq2[store.Summary, error], error) {
	var numbers []uint64
	for one := range strings.SplitSeq(text, ",") {
		n, err := strconv.ParseUint(one, 10, 64)
		if err != nil || len(numbers) == maxListed {
			return nil, badRequest("numbers=%.100q: give at most %d numbers of flows with commas between them", text, maxListed)
		}
		numbers = append(numbers, n)
	}
	return func(yield func(store.Summary, error) bool) {
		for _, n := range numbers {
			if !yield(store.Summary{Number: n}, nil) {
				return
			}
		}
	}, nil
}
