package main

import (
	"github.com/spf13/pflag"

	"midstream/internal/capture"
	"midstream/internal/redaction"
	"midstream/internal/store"
)

// redacting is the flag --redact of a command that writes what was recorded.
type redacting struct {
	rules []string
}

func (r *redacting) flag(flags *pflag.FlagSet) {
	flags.StringArrayVar(&r.rules, "redact", nil, "write [redacted:TAG] for credentials; `RULE` adds to those that are known")
	flags.Lookup("redact").NoOptDefVal = "default"
}

// source gives the flows of src as they may be written; src itself without the flag.
// session is where they were recorded, nil for a file: tags of a session are always
// the same.
func (r *redacting) source(e *env, confdir string, session *store.Reader, src capture.Source) (capture.Source, error) {
	if len(r.rules) == 0 {
		return src, nil
	}
	reg, err := loadFor(e, confdir, nil)
	if err != nil {
		return nil, err
	}
	rules, err := redaction.Parse(append(reg.List("redact"), r.rules...))
	if err != nil {
		return nil, usageError("--redact: %w", err)
	}
	key := redaction.NewKey()
	if session != nil {
		master, err := redaction.Master(reg.Path("confdir"))
		if err != nil {
			return nil, err
		}
		key = master.Session(session.Meta().ID)
	}
	return capture.Redacted(src, redaction.New(rules, key)), nil
}

// check refuses rules that are wrong, before anything is opened.
func (r *redacting) check() error {
	if err := redaction.Check(r.rules); err != nil {
		return usageError("--redact: %w", err)
	}
	return nil
}
