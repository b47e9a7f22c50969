package hook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"runtime/debug"
	"strings"

	"midstream/flow"
)

// Set is an ordered list of addons, sorted by event. It never changes after
// NewSet; the zero value and nil have no addons. All methods may be called at
// once.
type Set struct {
	log *slog.Logger

	clientConnected    []entry[ClientConnectedHook]
	clientDisconnected []entry[ClientDisconnectedHook]
	serverConnect      []entry[ServerConnectHook]
	serverConnected    []entry[ServerConnectedHook]
	serverConnectError []entry[ServerConnectErrorHook]
	serverDisconnected []entry[ServerDisconnectedHook]
	httpConnect        []entry[HTTPConnectHook]
	requestHeaders     []entry[RequestHeadersHook]
	request            []entry[RequestHook]
	responseHeaders    []entry[ResponseHeadersHook]
	response           []entry[ResponseHook]
	failed             []entry[ErrorHook]
	finished           []entry[FinishedHook]
	sseEvent           []entry[SSEEventHook]
	grpcMessage        []entry[GRPCMessageHook]
	streamMessage      []entry[StreamMessageHook]
	webSocketStart     []entry[WebSocketStartHook]
	webSocketMessage   []entry[WebSocketMessageHook]
	webSocketEnd       []entry[WebSocketEndHook]

	tcpStart   []entry[TCPStartHook]
	tcpMessage []entry[TCPMessageHook]
	tcpEnd     []entry[TCPEndHook]
	tcpError   []entry[TCPErrorHook]

	tlsClientHello       []entry[TLSClientHelloHook]
	tlsStartClient       []entry[TLSStartClientHook]
	tlsStartServer       []entry[TLSStartServerHook]
	tlsEstablishedClient []entry[TLSEstablishedClientHook]
	tlsEstablishedServer []entry[TLSEstablishedServerHook]
	tlsFailedClient      []entry[TLSFailedClientHook]
	tlsFailedServer      []entry[TLSFailedServerHook]
	httpConnectUpstream  []entry[HTTPConnectUpstreamHook]
	httpConnected        []entry[HTTPConnectedHook]
	httpConnectError     []entry[HTTPConnectErrorHook]
	socksAuth            []entry[SOCKSAuthHook]

	waits                         bool
	wantsRequest, wantsResponse   bool
	guardsRequest, guardsResponse bool

	particular []Particular
	others     *Set // the addons that are not particular; nil where there is none
}

type entry[H any] struct {
	hook     H
	name     string
	required bool
}

// NewSet builds a Set; addons run in the given order. log takes the errors of
// addons that are not guards; nil discards them. An addon with no event method
// is an error.
func NewSet(log *slog.Logger, addons ...any) (*Set, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Set{log: log}
	var others []any
	for _, a := range addons {
		if s.add(a) == 0 {
			return nil, fmt.Errorf("addon %s has none of the event methods", nameOf(a))
		}
		if p, ok := a.(Particular); ok {
			s.particular = append(s.particular, p)
		} else {
			others = append(others, a)
		}
	}
	if len(s.particular) > 0 && len(others) > 0 {
		var err error
		if s.others, err = NewSet(log, others...); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// For is the set for the exchange of a request, as its client has sent it: s, or the
// addons that are not Particular where it concerns none of those; nil where there is
// none left.
func (s *Set) For(client *flow.Conn, r *flow.Request) *Set {
	if s == nil || len(s.particular) == 0 {
		return s
	}
	for _, p := range s.particular {
		if p.Concerns(client, r) {
			return s
		}
	}
	return s.others
}

func (s *Set) add(a any) (events int) {
	wants, selective := ^Events(0), 0
	if v, ok := a.(Selective); ok {
		wants = v.Wants()
		selective = 1 // it may want nothing for now
	}
	events = selective
	required := false
	if g, ok := a.(Guard); ok {
		required = g.Required()
	}
	observes := false
	if o, ok := a.(Observer); ok {
		observes = o.Observe()
	}
	name := nameOf(a)
	events += place(&s.clientConnected, a, wants&OnClientConnected, name, required)
	events += place(&s.clientDisconnected, a, wants&OnClientDisconnected, name, required)
	events += place(&s.serverConnect, a, wants&OnServerConnect, name, required)
	events += place(&s.serverConnected, a, wants&OnServerConnected, name, required)
	events += place(&s.serverConnectError, a, wants&OnServerConnectError, name, required)
	events += place(&s.serverDisconnected, a, wants&OnServerDisconnected, name, required)
	events += place(&s.httpConnect, a, wants&OnHTTPConnect, name, required)
	events += place(&s.requestHeaders, a, wants&OnRequestHeaders, name, required)
	events += place(&s.responseHeaders, a, wants&OnResponseHeaders, name, required)
	events += place(&s.failed, a, wants&OnError, name, required)
	events += place(&s.finished, a, wants&OnFinished, name, false)
	events += place(&s.sseEvent, a, wants&OnSSEEvent, name, required)
	events += place(&s.grpcMessage, a, wants&OnGRPCMessage, name, required)
	events += place(&s.streamMessage, a, wants&OnStreamMessage, name, required)
	events += place(&s.webSocketStart, a, wants&OnWebSocketStart, name, required)
	events += place(&s.webSocketMessage, a, wants&OnWebSocketMessage, name, required)
	events += place(&s.webSocketEnd, a, wants&OnWebSocketEnd, name, required)
	events += place(&s.tcpStart, a, wants&OnTCPStart, name, required)
	events += place(&s.tcpMessage, a, wants&OnTCPMessage, name, required)
	events += place(&s.tcpEnd, a, wants&OnTCPEnd, name, required)
	events += place(&s.tcpError, a, wants&OnTCPError, name, required)
	events += place(&s.tlsClientHello, a, wants&OnTLSClientHello, name, required)
	events += place(&s.tlsStartClient, a, wants&OnTLSStartClient, name, required)
	events += place(&s.tlsStartServer, a, wants&OnTLSStartServer, name, required)
	events += place(&s.tlsEstablishedClient, a, wants&OnTLSEstablishedClient, name, required)
	events += place(&s.tlsEstablishedServer, a, wants&OnTLSEstablishedServer, name, required)
	events += place(&s.tlsFailedClient, a, wants&OnTLSFailedClient, name, required)
	events += place(&s.tlsFailedServer, a, wants&OnTLSFailedServer, name, required)
	events += place(&s.httpConnectUpstream, a, wants&OnHTTPConnectUpstream, name, required)
	events += place(&s.httpConnected, a, wants&OnHTTPConnected, name, required)
	events += place(&s.httpConnectError, a, wants&OnHTTPConnectError, name, required)
	events += place(&s.socksAuth, a, wants&OnSOCKSAuth, name, required)
	if place(&s.request, a, wants&OnRequest, name, required) > 0 {
		events++
		s.wantsRequest = s.wantsRequest || !observes
		s.guardsRequest = s.guardsRequest || required && !observes
	}
	if place(&s.response, a, wants&OnResponse, name, required) > 0 {
		events++
		s.wantsResponse = s.wantsResponse || !observes
		s.guardsResponse = s.guardsResponse || required && !observes
	}
	if p, ok := a.(Prompt); !ok || !p.Prompt() {
		s.waits = s.waits || events > selective
	}
	return events
}

func place[H any](list *[]entry[H], a any, wanted Events, name string, required bool) int {
	h, ok := a.(H)
	if !ok || wanted == 0 {
		return 0
	}
	*list = append(*list, entry[H]{h, name, required})
	return 1
}

func nameOf(a any) string {
	if n, ok := a.(Named); ok {
		return n.Name()
	}
	t := reflect.TypeOf(a)
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil {
		return "nil"
	}
	return strings.ToLower(t.Name())
}

// WantsWhole tells whether a hook of that side changes the whole body, so that
// it should be held.
func (s *Set) WantsWhole(side flow.Side) bool {
	return s != nil && (side == flow.ToServer && s.wantsRequest || side == flow.ToClient && s.wantsResponse)
}

// Guards tells whether one of the hooks that want the whole body is a guard.
func (s *Set) Guards(side flow.Side) bool {
	return s != nil && (side == flow.ToServer && s.guardsRequest || side == flow.ToClient && s.guardsResponse)
}

// Looks tells whether any hook runs on the whole body of that side.
func (s *Set) Looks(side flow.Side) bool {
	return s != nil && (side == flow.ToServer && len(s.request) > 0 || side == flow.ToClient && len(s.response) > 0)
}

// Waits tells whether a hook of an addon that is not Prompt may run: it may
// take its time, a person's even.
func (s *Set) Waits() bool { return s != nil && s.waits }

// GuardError is returned when a guard failed: the exchange must not go on.
type GuardError struct {
	Addon string
	Err   error
}

func (e *GuardError) Error() string { return fmt.Sprintf("addon %s: %v", e.Addon, e.Err) }

// Unwrap returns the addon's own error.
func (e *GuardError) Unwrap() error { return e.Err }

// RequestHeaders runs the event on every addon that has it. A non-nil error is
// a *GuardError or the context's.
func (s *Set) RequestHeaders(ctx context.Context, x *Exchange) error {
	if s == nil {
		return nil
	}
	return each(ctx, s, s.requestHeaders, x, "requestheaders", RequestHeadersHook.RequestHeaders)
}

// Request runs the event; errors as RequestHeaders.
func (s *Set) Request(ctx context.Context, x *Exchange) error {
	if s == nil {
		return nil
	}
	return each(ctx, s, s.request, x, "request", RequestHook.Request)
}

// ResponseHeaders runs the event; errors as RequestHeaders.
func (s *Set) ResponseHeaders(ctx context.Context, x *Exchange) error {
	if s == nil {
		return nil
	}
	return each(ctx, s, s.responseHeaders, x, "responseheaders", ResponseHeadersHook.ResponseHeaders)
}

// Response runs the event; errors as RequestHeaders.
func (s *Set) Response(ctx context.Context, x *Exchange) error {
	if s == nil {
		return nil
	}
	return each(ctx, s, s.response, x, "response", ResponseHook.Response)
}

// Error runs the event; errors as RequestHeaders.
func (s *Set) Error(ctx context.Context, x *Exchange) error {
	if s == nil {
		return nil
	}
	return last(ctx, s, s.failed, x, "error", ErrorHook.Error)
}

// Finished tells every addon that asks for it that x is over. The engine calls
// it once for each exchange, after every other event.
func (s *Set) Finished(x *Exchange) {
	if s == nil {
		return
	}
	for _, e := range s.finished {
		s.call(e.name, "finished", false, x, func() error { e.hook.Finished(x); return nil })
	}
}

// HTTPConnect runs the event; errors as RequestHeaders.
func (s *Set) HTTPConnect(ctx context.Context, x *Exchange) error {
	if s == nil {
		return nil
	}
	return each(ctx, s, s.httpConnect, x, "http_connect", HTTPConnectHook.HTTPConnect)
}

// ClientConnected runs the event; a non-nil error refuses the connection.
func (s *Set) ClientConnected(ctx context.Context, c *flow.Conn) error {
	if s == nil {
		return nil
	}
	for _, e := range s.clientConnected {
		if err := s.call(e.name, "client_connected", e.required, nil, func() error { return e.hook.ClientConnected(ctx, c) }); err != nil {
			return err
		}
	}
	return nil
}

// ClientDisconnected runs the event.
func (s *Set) ClientDisconnected(ctx context.Context, c *flow.Conn) {
	if s == nil {
		return
	}
	for _, e := range s.clientDisconnected {
		s.call(e.name, "client_disconnected", false, nil, func() error { e.hook.ClientDisconnected(ctx, c); return nil })
	}
}

// ServerConnect runs the event; a non-nil error, or d.Err, refuses the dial.
func (s *Set) ServerConnect(ctx context.Context, d *Dial) error {
	if s == nil {
		return nil
	}
	for _, e := range s.serverConnect {
		if err := s.call(e.name, "server_connect", e.required, nil, func() error { return e.hook.ServerConnect(ctx, d) }); err != nil {
			return err
		}
		if d.Err != nil {
			return d.Err
		}
	}
	return nil
}

// ServerConnected runs the event.
func (s *Set) ServerConnected(ctx context.Context, d *Dial) {
	if s == nil {
		return
	}
	for _, e := range s.serverConnected {
		s.call(e.name, "server_connected", false, nil, func() error { e.hook.ServerConnected(ctx, d); return nil })
	}
}

// ServerConnectError runs the event.
func (s *Set) ServerConnectError(ctx context.Context, d *Dial) {
	if s == nil {
		return
	}
	for _, e := range s.serverConnectError {
		s.call(e.name, "server_connect_error", false, nil, func() error { e.hook.ServerConnectError(ctx, d); return nil })
	}
}

// ServerDisconnected runs the event.
func (s *Set) ServerDisconnected(ctx context.Context, d *Dial) {
	if s == nil {
		return
	}
	for _, e := range s.serverDisconnected {
		s.call(e.name, "server_disconnected", false, nil, func() error { e.hook.ServerDisconnected(ctx, d); return nil })
	}
}

func each[H any](ctx context.Context, s *Set, list []entry[H], x *Exchange, event string, run func(H, context.Context, *Exchange) error) error {
	for _, e := range list {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		err := s.call(e.name, event, e.required, x, func() error { return run(e.hook, ctx, x) })
		if x.ran != nil {
			x.ran(e.name)
		}
		if err != nil {
			return err
		}
		if x.Killed() {
			return nil
		}
	}
	return nil
}

// last is each for events that tell of an end: everybody hears of it, also where a
// hook has killed the exchange.
func last[H any](ctx context.Context, s *Set, list []entry[H], x *Exchange, event string, run func(H, context.Context, *Exchange) error) (err error) {
	for _, e := range list {
		if gerr := s.call(e.name, event, e.required, x, func() error { return run(e.hook, ctx, x) }); err == nil {
			err = gerr
		}
	}
	return err
}

// call runs one hook. It returns an error only for a guard.
func (s *Set) call(name, event string, required bool, x *Exchange, run func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("addon panicked", "addon", name, "event", event, "panic", p, "stack", string(debug.Stack()))
			err = s.settle(name, event, required, x, fmt.Errorf("panic: %v", p))
		}
	}()
	if x != nil {
		defer func(before string) { x.running = before }(x.running)
		x.running = name
	}
	if err := run(); err != nil {
		if _, ok := errors.AsType[*Refusal](err); ok {
			return err
		}
		if !errors.Is(err, context.Canceled) {
			s.log.Error("addon failed", "addon", name, "event", event, "err", err)
		}
		return s.settle(name, event, required, x, err)
	}
	return nil
}

func (s *Set) settle(name, event string, required bool, x *Exchange, err error) error {
	if x != nil {
		x.Find("addon-error", fmt.Sprintf("%s in %s: %v", name, event, err))
	}
	if required {
		return &GuardError{Addon: name, Err: err}
	}
	return nil
}
