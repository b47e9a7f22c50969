package instance

import (
	"log/slog"

	"midstream/internal/capture"
	"midstream/internal/format"
	"midstream/internal/redaction"
)

// hideInTexts makes log and output of scripts go through the redaction, where one
// is asked for.
func (in *Instance) hideInTexts() {
	if len(in.opts.List("redact")) == 0 {
		return
	}
	in.log = slog.New(redaction.Handler(in.log.Handler(), in.redactor.Load))
	in.cfg.Output = redaction.Writer(in.cfg.Output, in.redactor.Load)
	in.cfg.Errors = redaction.Writer(in.cfg.Errors, in.redactor.Load)
}

// openRedaction begins to replace credentials in what is recorded and shown, where
// that is asked for. Errors of the rules are the user's.
func (in *Instance) openRedaction() error {
	list := in.opts.List("redact")
	if len(list) == 0 {
		return nil
	}
	rules, err := redaction.Parse(list)
	if err != nil {
		return usage("option redact: %w", err)
	}
	key := redaction.NewKey()
	if in.session != nil {
		master, err := redaction.Master(in.confdir)
		if err != nil {
			return err
		}
		key = master.Session(in.session.Meta().ID)
	}
	in.redactor.Store(redaction.New(rules, key))
	in.log.Info("credentials are replaced by [redacted:TAG] in all that is recorded and shown; the wire has them as they are")
	return nil
}

// Redactor is what replaces credentials in all that is recorded and shown, nil where
// nothing is replaced.
func (c Control) Redactor() *redaction.Redactor { return c.in.redactor.Load() }

// Redacted gives the flows of src as they may be recorded and shown. Its Close
// closes src.
func (c Control) Redacted(src capture.Source) capture.Source {
	if r := c.in.redactor.Load(); r != nil {
		return capture.Redacted(src, r)
	}
	return src
}

// Hidden is Redacted also where nothing is replaced in what is recorded.
func (c Control) Hidden(src capture.Source) (capture.Source, error) {
	if r := c.in.redactor.Load(); r != nil || c.in.session == nil {
		return c.Redacted(src), nil
	}
	master, err := redaction.Master(c.in.confdir)
	if err != nil {
		return nil, err
	}
	return capture.Redacted(src, redaction.New(redaction.Default(), master.Session(c.in.session.Meta().ID))), nil
}

// Seen is what may be recorded and shown of a flow; done lets go of it.
func (c Control) Seen(it *format.Item) (seen *format.Item, done func(), err error) {
	r := c.in.redactor.Load()
	if r == nil {
		return it, func() {}, nil
	}
	return capture.RedactedItem(it, r)
}
