package api

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"midstream/internal/addons/intercept"
	"midstream/internal/flowview"
	"midstream/internal/instance"
	"midstream/internal/query"
	"midstream/internal/store"
)

// Config is what a Server is made of.
type Config struct {
	// Instance runs and records. Hub is one of its watchers.
	Instance *instance.Instance
	Hub      *Hub
	// Lines are the log; nil has none.
	Lines *Log
	// Log takes what a person should see; nil discards it.
	Log *slog.Logger
	// Version is this program's.
	Version string
	// Case is how filters take capital letters.
	Case query.Case
	// Browser opens browsers; nil where none can be.
	Browser Browsing
}

// Server serves the API of one instance. Its methods may be called at once.
type Server struct {
	cfg     Config
	control instance.Control
	hub     *Hub
	reader  *store.Reader // nil where nothing is recorded
	points  flowview.Points
	started time.Time
	routes  http.Handler

	readOnly atomic.Bool // the page

	stopping chan struct{}
	cancel   context.CancelFunc
	ends     sync.WaitGroup
	unfollow []func()

	replays chan struct{} // has an element for each replay that runs
	defined definitions
	marks   marked // of bodies that were looked at

	mu      sync.Mutex // guards servers
	servers []*http.Server
}

// New makes a server that listens nowhere yet. The caller must Close it before the
// instance.
func New(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Lines == nil {
		cfg.Lines = new(Log)
	}
	s := &Server{cfg: cfg, control: cfg.Instance.Control(), hub: cfg.Hub, started: time.Now(), stopping: make(chan struct{}), replays: make(chan struct{}, maxReplays)}
	ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if session := s.control.Store(); session != nil {
		var err error
		session.Flush()
		if s.reader, err = store.OpenReader(session.Dir()); err != nil {
			s.cancel()
			return nil, err
		}
	}
	s.hub.control, s.hub.reader, s.hub.log, s.hub.ctx = s.control, s.reader, cfg.Log, ctx
	cfg.Lines.tell(func(e LogEntry) { s.hub.tellAll("log", e) })
	s.unfollow = append(s.unfollow, s.control.Options().Subscribe(func(changed []string) error {
		s.hub.tellAll("options", map[string][]string{"changed": changed})
		return nil
	}), func() { cfg.Lines.tell(nil) })
	s.control.Intercept().Tell(intercept.Told{
		Held:     func(h intercept.Held) { s.hub.tellAll("held", s.heldOf(h)) },
		Released: func(number uint64) { s.hub.tellAll("released", map[string]uint64{"number": number}) },
	})
	s.unfollow = append(s.unfollow, func() { s.control.Intercept().Tell(intercept.Told{}) })
	cfg.Instance.TellRules(func() { s.hub.tellAll("rules", struct{}{}) })
	s.unfollow = append(s.unfollow, func() { cfg.Instance.TellRules(nil) })
	s.hub.held = func(number uint64) string { return string(s.control.Intercept().StageOf(number)) }
	s.routes = s.mux()
	s.ends.Go(func() { s.hub.run(ctx) })
	return s, nil
}

// serve serves a listener until Close.
func (s *Server) serve(l net.Listener, h http.Handler) {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug),
	}
	s.mu.Lock()
	s.servers = append(s.servers, server)
	s.mu.Unlock()
	s.ends.Go(func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.cfg.Log.Error("serve the control API", "err", err)
		}
	})
}

// Close ends all feeds and connections. Nothing of the server runs afterwards.
func (s *Server) Close() error {
	for _, f := range s.unfollow {
		f()
	}
	close(s.stopping)
	s.cancel()
	s.mu.Lock()
	servers := s.servers
	s.mu.Unlock()
	var errs []error
	for _, server := range servers {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		if server.Shutdown(ctx) != nil {
			errs = append(errs, server.Close())
		}
		cancel()
	}
	s.ends.Wait()
	if s.reader != nil {
		errs = append(errs, s.reader.Close())
	}
	return errors.Join(errs...)
}

// mux has the routes of docs/openapi.yaml.
func (s *Server) mux() http.Handler {
	mux := http.NewServeMux()
	for _, r := range s.table() {
		serve := r.serve
		if r.recorded {
			serve = s.recorded(serve)
		}
		mux.HandleFunc(r.method+" /api/v1"+r.path, func(w http.ResponseWriter, req *http.Request) {
			if r.method != http.MethodGet && isReadOnly(req.Context()) && !r.harmless {
				writeError(w, fault(http.StatusForbidden, "read-only", "this midstream was started with web_readonly: nothing can be changed here"))
				return
			}
			w.Header().Set("Cache-Control", "no-store")
			hide, err := hides(req)
			if hide {
				v := newVeiling(w)
				defer v.end()
				w = v
			}
			if err == nil {
				err = serve(w, req)
			}
			if err != nil {
				writeError(w, err)
			}
		})
	}
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		writeError(w, notFound("there is no %s %s: docs/openapi.yaml has all paths", r.Method, r.URL.Path))
	})
	return mux
}

// route is one method of one path.
type route struct {
	method, path string
	serve        func(http.ResponseWriter, *http.Request) error
	recorded     bool // it needs a session
	harmless     bool // it changes nothing of the proxy
}

func (s *Server) table() []route {
	const get, post, put, patch, del = http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete
	return []route{
		{method: get, path: "/state", serve: s.getState},
		{method: get, path: "/stats", serve: s.getStats},
		{method: put, path: "/capture", serve: s.putCapture, recorded: true},
		{method: post, path: "/views", serve: s.postView, recorded: true, harmless: true},
		{method: get, path: "/views/{view}", serve: s.getView, recorded: true},
		{method: del, path: "/views/{view}", serve: s.deleteView, recorded: true, harmless: true},
		{method: get, path: "/views/{view}/rows", serve: s.getRows, recorded: true},
		{method: put, path: "/views/{view}/window", serve: s.putWindow, recorded: true, harmless: true},
		{method: get, path: "/views/{view}/feed", serve: s.serveFeed, recorded: true},
		{method: get, path: "/flows", serve: s.getFlows, recorded: true},
		{method: post, path: "/flows/mark", serve: s.postMark, recorded: true},
		{method: post, path: "/flows/comment", serve: s.postComment, recorded: true},
		{method: post, path: "/flows/delete", serve: s.postDelete, recorded: true},
		{method: post, path: "/flows/kill", serve: s.postKill, recorded: true},
		{method: post, path: "/flows/resume", serve: s.postResume, recorded: true},
		{method: get, path: "/intercept", serve: s.getIntercept, recorded: true},
		{method: put, path: "/intercept/next", serve: s.putNext, recorded: true},
		{method: get, path: "/intercept/{id}", serve: s.getHeld, recorded: true},
		{method: get, path: "/intercept/{id}/body", serve: s.getHeldBody, recorded: true},
		{method: post, path: "/intercept/{id}/continue", serve: s.postContinue, recorded: true},
		{method: post, path: "/intercept/{id}/drop", serve: s.postDrop, recorded: true},
		{method: post, path: "/intercept/{id}/answer", serve: s.postAnswer, recorded: true},
		{method: post, path: "/intercept/{id}/touch", serve: s.postTouch, recorded: true},
		{method: get, path: "/flows/{id}", serve: s.getFlow, recorded: true},
		{method: post, path: "/flows/replay", serve: s.postReplay, recorded: true},
		{method: post, path: "/flows/duplicate", serve: s.postDuplicate, recorded: true},
		{method: post, path: "/flows/revert", serve: s.postRevert, recorded: true},
		{method: post, path: "/flows/{id}/edit", serve: s.postEdit, recorded: true},
		{method: post, path: "/flows/{id}/resend", serve: s.postResend, recorded: true},
		{method: get, path: "/flows/{id}/answer", serve: s.getAnswer, recorded: true},
		{method: get, path: "/flows/{id}/export", serve: s.getExport, recorded: true},
		{method: get, path: "/flows/{id}/{side}/find", serve: s.getFind, recorded: true},
		{method: get, path: "/flows/{id}/{side}/view", serve: s.getLines, recorded: true},
		{method: get, path: "/flows/{id}/{side}/body", serve: s.getBody, recorded: true},
		{method: get, path: "/flows/{id}/{side}/messages", serve: s.getMessages, recorded: true},
		{method: post, path: "/content/text", serve: s.postContentText, harmless: true},
		{method: post, path: "/content/octets", serve: s.postContentOctets, harmless: true},
		{method: post, path: "/browser", serve: s.postBrowser},
		{method: get, path: "/options", serve: s.getOptions},
		{method: patch, path: "/options", serve: s.patchOptions},
		{method: post, path: "/options/save", serve: s.saveOptions},
		{method: get, path: "/options/{name}", serve: s.getOption},
		{method: get, path: "/scripts", serve: s.getScripts},
		{method: get, path: "/rules", serve: s.getRules},
		{method: post, path: "/rules", serve: s.postRule},
		{method: get, path: "/rules/kinds", serve: s.getRuleKinds},
		{method: put, path: "/rules/order", serve: s.putRuleOrder},
		{method: post, path: "/rules/test", serve: s.postRuleTest, recorded: true, harmless: true},
		{method: patch, path: "/rules/{name}", serve: s.patchRule},
		{method: del, path: "/rules/{name}", serve: s.deleteRule},
		{method: post, path: "/flows/{id}/inject", serve: s.postInject, recorded: true},
		{method: get, path: "/filter/why", serve: s.getWhy, recorded: true},
		{method: get, path: "/log", serve: s.getLog},
		{method: get, path: "/commands", serve: s.getCommands},
		{method: post, path: "/commands/{name}", serve: s.postCommand},
		{method: get, path: "/keymap", serve: s.getKeymap},
		{method: get, path: "/save", serve: s.getSave, recorded: true},
		{method: post, path: "/save", serve: s.postSave, recorded: true},
		{method: post, path: "/load", serve: s.postLoad, recorded: true},
		{method: post, path: "/open", serve: s.postOpen, recorded: true},
	}
}

// recorded refuses what needs a session where there is none.
func (s *Server) recorded(serve func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		if s.reader == nil {
			return fault(http.StatusServiceUnavailable, "not-recorded", "nothing is recorded (record=none): start midstream without it to look at flows")
		}
		return serve(w, r)
	}
}
