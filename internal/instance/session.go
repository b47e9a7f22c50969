package instance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"midstream/flow"
	"midstream/internal/engine"
	"midstream/internal/query"
	"midstream/internal/store"
)

// Session tells where flows are recorded.
type Session struct {
	Dir     string // "" when nothing is recorded
	Named   bool   // given with the option session, and kept
	Keep    time.Duration
	MaxSize int64 // octets; 0 has no limit
	Heads   bool  // bodies are not recorded
}

// openSession opens the session that the options name, or a new one, after
// removing those that have been kept long enough.
func (in *Instance) openSession() error {
	record := in.opts.String("record")
	if record == "none" {
		return nil
	}
	mode, err := store.ParseMode(record)
	if err != nil {
		return usage("option %w", err)
	}
	cfg := store.Config{Record: mode, Stall: in.opts.Duration("record_stall"), MinFree: in.opts.Size("session_min_free"), Log: in.log}
	if cfg.Stall == 0 || in.opts.Path("rfile") != "" && !in.opts.Bool("server") {
		// Nothing waits for a file that is read: all of it is kept.
		cfg.Stall = -1
	}
	cfg.MaxSize, _ = in.opts.OptionalSize("session_max_size")
	if text := in.opts.String("session_filter"); text != "" {
		if cfg.Filter, err = query.Parse(text, in.cfg.Case); err != nil {
			return usage("option session_filter: %w", err)
		}
	}
	cfg.MaxAge = in.opts.Duration("session_max_age")
	if dir := in.opts.Path("session"); dir != "" {
		in.session, err = store.Open(dir, cfg)
		return err
	}
	removed, err := store.Prune(in.confdir, time.Now(), store.DefaultMaxSize(in.confdir))
	if err != nil {
		in.log.Warn("remove old sessions: " + err.Error())
	}
	for _, s := range removed {
		in.log.Debug("removed an old session", "session", s.Dir)
	}
	if cfg.MaxSize == 0 {
		cfg.MaxSize = store.DefaultMaxSize(in.confdir)
	}
	in.session, err = store.Create(in.confdir, in.opts.Duration("session_keep"), cfg)
	return err
}

// Session tells where flows are recorded.
func (in *Instance) Session() Session {
	if in.session == nil {
		return Session{}
	}
	s := Session{Dir: in.session.Dir(), Named: in.opts.Path("session") != "", Keep: in.opts.Duration("session_keep"),
		Heads: in.opts.String("record") == "heads"}
	s.MaxSize, _ = in.opts.OptionalSize("session_max_size")
	if s.MaxSize == 0 && !s.Named {
		s.MaxSize = store.DefaultMaxSize(in.confdir)
	}
	return s
}

// Summary is what is left when an instance has been closed.
type Summary struct {
	Session Session
	Flows   uint64
	Size    int64 // octets on disk
	Until   time.Time
}

// Finish closes the instance, removes a session that is not to be kept, and
// tells what is left.
func (in *Instance) Finish(closing error) (Summary, error) {
	sum := Summary{Session: in.Session(), Flows: in.flows.Load()}
	if sum.Session.Dir == "" {
		return sum, closing
	}
	s, err := store.Inspect(sum.Session.Dir)
	if err != nil {
		return sum, fmt.Errorf("%w", err)
	}
	sum.Size, sum.Until = s.Size, s.Expires()
	if sum.Flows == 0 {
		sum.Session.Keep = 0 // nobody wants to find it as the newest one
	}
	if !sum.Session.Named && sum.Session.Keep == 0 && closing == nil {
		closing = store.Remove(sum.Session.Dir)
	}
	return sum, closing
}

// discard removes the session of an instance that has not started: an empty
// newest session would hide the one before. One with a name is left alone.
func (in *Instance) discard() {
	if s := in.Session(); s.Dir != "" && !s.Named {
		if err := store.Remove(s.Dir); err != nil {
			in.log.Warn("remove the session of a start that failed: " + err.Error())
		}
	}
}

// announce tells other commands of this user where this instance is.
func (in *Instance) announce() {
	l := store.Live{}
	if in.liveID == "" {
		in.liveID = fmt.Sprint(time.Now().UnixNano())
	}
	if in.session != nil {
		l.Session, in.liveID = in.session.Dir(), in.session.Meta().ID
	}
	for _, w := range in.Listeners() {
		for _, a := range w.Addresses {
			l.Listeners = append(l.Listeners, a.String())
			if strings.HasPrefix(strings.ToLower(w.Mode), "transparent") {
				l.Transparent = append(l.Transparent, a.String())
			}
		}
	}
	l.Proxies, l.Marks = in.Proxies(), in.marks
	l.Web, l.Control = in.web, in.control
	if pin, err := in.authority.Load().LeafKeyHash(); err == nil {
		l.LeafKey = pin
	}
	announced, err := store.Announce(in.confdir, in.liveID, l)
	if err != nil {
		in.log.Warn(err.Error())
		return
	}
	in.announced = announced
}

// recorder is the store as the engine sees it.
type recorder struct{ in *Instance }

func (r recorder) Start() engine.Record {
	r.in.begun.Add(1)
	if r.in.paused.Load() {
		return nil
	}
	return r.in.session.Start()
}

// Contents reads the bodies that are recorded, also while they pass. It may be
// used from several goroutines at once and must be closed.
type Contents struct {
	session *store.Store
	reader  *store.Reader
}

// Contents opens the record for reading.
func (in *Instance) Contents() (*Contents, error) {
	if in.session == nil {
		return nil, errors.New("nothing is recorded")
	}
	in.session.Flush()
	r, err := store.OpenReader(in.session.Dir())
	if err != nil {
		return nil, err
	}
	return &Contents{in.session, r}, nil
}

// Open opens what is recorded of one side of a flow; size is how many octets
// there are. The caller must close it.
func (c *Contents) Open(number uint64, side flow.Side) (r io.ReadCloser, size int64, err error) {
	c.session.Flush()
	b, err := c.reader.Body(context.Background(), number, side)
	if err != nil {
		return nil, 0, err
	}
	return &content{io.NewSectionReader(b, b.First(), b.Size()-b.First()), b}, b.Size(), nil
}

// Close lets go of the record. Bodies that are open stay so.
func (c *Contents) Close() error { return c.reader.Close() }

type content struct {
	io.Reader
	body *store.Body
}

func (c *content) Close() error { return c.body.Close() }
