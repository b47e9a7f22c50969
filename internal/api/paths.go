package api

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"os"
	"strings"

	"midstream/internal/capture"
	"midstream/internal/option"
	"midstream/internal/redaction"
	"midstream/internal/store"
)

// Place names a file or a folder on the machine that midstream runs on.
type Place struct {
	// Path is as a shell has it; ~ is the user's folder.
	Path string `json:"path"`
	// As is its kind: mitm, har, zhar or session; "" goes by its name, or by what it
	// has in it.
	As string `json:"as,omitempty"`
}

func (s *Server) place(p Place) (path string, kind capture.Kind, err error) {
	if p.Path == "" || p.Path == "-" || strings.ContainsRune(p.Path, 0) {
		return "", "", badRequest("path: name a file or a folder on the machine of midstream")
	}
	if p.As != "" {
		if kind, err = capture.ParseKind(p.As); err != nil {
			return "", "", badRequest("as=%q: give mitm, har, zhar or session", p.As)
		}
	}
	return option.Expand(p.Path, s.control.Options().Home), kind, nil
}

// SaveWish says what is saved, and where.
type SaveWish struct {
	Place
	Which
	// Replace allows a file to be there already. A session is added to.
	Replace bool `json:"replace,omitempty"`
	// Redact writes [redacted:TAG] for credentials.
	Redact bool `json:"redact,omitempty"`
}

// Saved is what came of it.
type Saved struct {
	Path    string   `json:"path"`
	Saved   int      `json:"saved"`
	Lost    []string `json:"lost"`    // what that kind of file has no place for
	Damaged []string `json:"damaged"` // flows that could not be read, or not whole
	Secrets []string `json:"secrets"` // what it carries that lets others in, by name
}

// postSave is POST /save.
func (s *Server) postSave(w http.ResponseWriter, r *http.Request) error {
	var in SaveWish
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	path, kind, err := s.place(in.Place)
	if err != nil {
		return err
	}
	if kind == "" {
		if kind = capture.ByName(path); kind == "" {
			kind = capture.Mitm
		}
	}
	list, err := s.list(r, in.Which)
	if err != nil {
		return err
	}
	src, err := s.seen(in.Redact, capture.FromReader(r.Context(), s.reader, list))
	if err != nil {
		return err
	}
	defer src.Close()
	var sink capture.Sink
	if kind == capture.Session {
		sink, err = capture.OpenSession(path)
	} else {
		sink, err = capture.Create(path, kind, io.Discard, capture.Options{Creator: "midstream", CreatorVersion: s.cfg.Version, Replace: in.Replace})
	}
	if errors.Is(err, capture.ErrExists) {
		return conflict("%s is there already: replace lets it go", path)
	}
	if err != nil {
		return conflict("save: %s", asError(err).Text)
	}
	out := Saved{Path: path, Lost: []string{}, Damaged: []string{}, Secrets: []string{}}
	if err := out.write(src, sink); err != nil {
		sink.Abort()
		return conflict("save to %s: %s", path, asError(err).Text)
	}
	if err := sink.Close(); err != nil {
		return conflict("save to %s: %s", path, asError(err).Text)
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

func (out *Saved) write(src capture.Source, sink capture.Sink) error {
	var carried redaction.Carried
	defer func() { out.Secrets = append(out.Secrets, carried.Names()...) }()
	for {
		it, err := src.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			_, undecided := store.Undecided(err)
			_, damaged := errors.AsType[*capture.Damaged](err)
			if !undecided && !damaged {
				return err
			}
			if len(out.Damaged) < maxFailed {
				out.Damaged = append(out.Damaged, asError(err).Text)
			}
			if undecided {
				return nil
			}
			if it == nil {
				continue
			}
		}
		carried.Add(it.Flow)
		lost, err := sink.Write(it)
		if err != nil {
			return err
		}
		for _, text := range lost {
			if len(out.Lost) < maxFailed {
				out.Lost = append(out.Lost, fmt.Sprintf("flow %d: %s", it.Flow.Number, text))
			}
		}
		out.Saved++
	}
}

// list are the flows that are meant; all where nothing is said.
func (s *Server) list(r *http.Request, which Which) (iter.Seq2[store.Summary, error], error) {
	s.control.Store().Flush()
	if which.Numbers == nil {
		text := ""
		if which.Filter != nil {
			text = *which.Filter
		}
		filter, err := s.parse(text)
		return s.reader.List(r.Context(), store.ListOptions{Filter: filter}), err
	}
	numbers, err := s.numbers(r.Context(), which)
	return func(yield func(store.Summary, error) bool) {
		for _, n := range numbers {
			if !yield(store.Summary{Number: n}, nil) {
				return
			}
		}
	}, err
}

// postOpen is POST /open.
func (s *Server) postOpen(w http.ResponseWriter, r *http.Request) error {
	var in Place
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	path, kind, err := s.place(in)
	if err != nil {
		return err
	}
	if there, err := os.Stat(path); err == nil {
		if own, err := os.Stat(s.control.Store().Dir()); err == nil && os.SameFile(there, own) {
			return conflict("%s is the session that is recorded into: its flows are here already", path)
		}
	}
	src, err := capture.Open(r.Context(), path, kind, strings.NewReader(""))
	if err != nil {
		return badRequest("%s", asError(err).Text)
	}
	defer src.Close()
	return s.takeIn(w, r, src)
}
