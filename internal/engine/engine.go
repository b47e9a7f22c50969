package engine

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/body"
)

// Config is what an Engine is made of; the zero value works and records nothing.
type Config struct {
	// Recorder keeps the flows; nil keeps none.
	Recorder Recorder
	// Watchers are told of every flow, in their order.
	Watchers []Watcher
	// Redactor replaces what neither Recorder nor Watchers may see; nil shows all.
	Redactor Redactor
	// Log takes what a person should see apart from the flow; nil discards it.
	Log *slog.Logger
	// SpillDir is the folder for held bodies that outgrow memory; "" is the
	// system's temporary folder. Hold bounds what they take.
	SpillDir string
	Hold     body.Limits
	// Policy is the first policy; see SetPolicy.
	Policy Policy
}

// Policy is what may be changed while midstream runs. An exchange keeps the one
// that it began with.
type Policy struct {
	// StreamLargeBodies is the size in bytes above which a body passes
	// unrecorded and unheld; nil never, 0 every body.
	StreamLargeBodies *int64
	// StoreStreamedBodies records bodies that pass, too.
	StoreStreamedBodies bool
	// BodySizeLimit is the length in bytes above which a body is refused, or cut
	// once it flows; nil is none.
	BodySizeLimit *int64
	// ContentLimit bounds what hooks can read into memory; 0 is 64 MiB, a
	// negative number no limit.
	ContentLimit int64
	// EndlessTypes are further media types that are not held merely because a
	// hook is loaded; a trailing * stands for any rest.
	EndlessTypes []string
	// ChunkSize is the most bytes that a stream function is given at once; 0 is
	// 32 KiB. Set, it bounds the pieces of every body.
	ChunkSize int
	// TCPTimeout is how long a raw tunnel may be idle; 0 is 600 s, negative for ever.
	TCPTimeout time.Duration

	pieceSize int // ChunkSize as it was set
}

const (
	defaultContentLimit = 64 << 20
	defaultChunkSize    = 32 << 10
	defaultTCPTimeout   = 600 * time.Second

	// drainBytes and drainTime bound what is read and thrown away of an upload
	// that was answered early, so that the answer is not lost in a reset.
	drainBytes = 256 << 10
	drainTime  = 2 * time.Second
	// expectTime is how long an origin may be silent after Expect: 100-continue
	// (RFC 9110 section 10.1.1 asks not to wait for ever). Many clients wait for
	// a second by themselves: they should not get a 100 that they have given up.
	expectTime = 1200 * time.Millisecond
	// holdIdle is how long a held request of unknown length may bring nothing
	// before it is sent as it comes: its client may be waiting for the response.
	holdIdle = 10 * time.Second
	// maxInterim bounds the interim responses that are kept on one flow.
	maxInterim = 16
)

func (p Policy) withDefaults() *Policy {
	if p.ContentLimit == 0 {
		p.ContentLimit = defaultContentLimit
	}
	if p.ContentLimit < 0 {
		p.ContentLimit = 0 // hook's way to say none
	}
	p.pieceSize = max(p.ChunkSize, 0)
	if p.ChunkSize <= 0 {
		p.ChunkSize = defaultChunkSize
	}
	if p.TCPTimeout == 0 {
		p.TCPTimeout = defaultTCPTimeout
	}
	return &p
}

// Engine runs exchanges. Its methods may be called at once.
type Engine struct {
	recorder Recorder
	watchers []Watcher
	redactor Redactor
	// decoders is what those count for that find messages.
	decoders atomic.Int64
	log      *slog.Logger
	budget   *body.Budget
	buffers  body.Buffers
	policy   atomic.Pointer[Policy]
	running  register
}

// New makes an engine. It starts nothing and needs no closing.
func New(c Config) *Engine {
	e := &Engine{recorder: c.Recorder, watchers: c.Watchers, redactor: c.Redactor, log: c.Log}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	if c.SpillDir == "" {
		c.SpillDir = filepath.Join(os.TempDir(), "midstream-"+strconv.Itoa(os.Getpid()))
	}
	e.budget = body.NewBudget(c.SpillDir, c.Hold)
	e.SetPolicy(c.Policy)
	return e
}

// SetPolicy changes the policy for exchanges that begin from now on.
func (e *Engine) SetPolicy(p Policy) { e.policy.Store(p.withDefaults()) }

// Policy returns the policy in force, its defaults filled in.
func (e *Engine) Policy() Policy { return *e.policy.Load() }

// Origin is where a request came from: what the engine must know and the
// stream does not say.
type Origin struct {
	// Client is the client's connection.
	Client *flow.Conn
	// Set is the hooks that the exchange runs through; nil for none.
	Set *hook.Set
	// OwnProxyAuth tells that a Proxy-Authorization field was meant for
	// midstream and must not go on.
	OwnProxyAuth bool
	// Metadata is what the flow's begins with; nil for nothing.
	Metadata map[string]string
	// Intercept tells whether an intercept matches a message, so that the whole
	// of it is wanted; it is asked after the head hooks. Nil is never.
	Intercept func(x *hook.Exchange, side flow.Side) bool
	// Replayed tells that midstream sends a request of earlier again.
	Replayed bool
	// Expected is as in hook.Exchange.
	Expected *flow.Conn
	// Began is told the number of the flow, when it begins; nil for nobody.
	Began func(number uint64)
	// Ended is told the last picture of the exchange; nil for nobody.
	Ended func(f *flow.Flow)
	// Past is the flow of earlier that the exchange is; nil for a new one.
	Past Past
}

// Serve runs one exchange from its request head, whose Scheme, Host and Port are
// filled, to its end on both sides. It returns when both messages have ended
// and nothing of the exchange runs any more. ctx ends when midstream stops.
func (e *Engine) Serve(ctx context.Context, s Stream, up Upstream, o Origin) {
	x := e.begin(ctx, s, up, o)
	x.run()
	x.finish()
}

// Keep records a flow that never became an exchange or a tunnel, as a request
// that was refused: f is its only picture, and content what was sent of its
// response's body. Number and what f says of the record are filled in; f must not
// change afterwards.
func (e *Engine) Keep(f *flow.Flow, content []byte) {
	record := e.startRecord(nil)
	f.Number = record.Number()
	if r := e.beginRedaction(); r != nil {
		f, content = keptOf(r, f, content)
	}
	if f.Request != nil {
		record.Head(f, flow.ToServer)
	}
	record.PieceAt(flow.ToClient, content, time.Now())
	for side, b := range map[flow.Side]*flow.Body{flow.ToServer: &f.RequestBody, flow.ToClient: &f.ResponseBody} {
		b.Record, b.Recorded, b.CutReason = record.State(side)
		e.settle(b)
	}
	record.End(f)
	for _, w := range e.watchers {
		w.Watch(f)
	}
}

// Versioned is an Upstream that knows, or remembers, which HTTP version an
// origin speaks; 0 when it does not. Without it an origin is taken to speak the
// client's version of HTTP/1, else HTTP/1.1. A codec of a later version leaves
// out the fields that only HTTP/1 has.
type Versioned interface {
	Version(req *flow.Request) flow.Version
}
