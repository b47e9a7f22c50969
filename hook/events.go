package hook

import (
	"context"

	"midstream/flow"
)

// The event interfaces. An addon has any of these methods. A returned error is
// logged with the addon's name and noted on the flow, and the exchange goes on
// with what was changed before; from a guard (see Guard) it ends the exchange
// with a 502. A panic counts as an error.
type (
	// ClientConnectedHook runs when a client's connection was accepted; an
	// error from a guard, or a *Refusal from anybody, refuses it.
	ClientConnectedHook interface {
		ClientConnected(ctx context.Context, c *flow.Conn) error
	}
	// ClientDisconnectedHook runs when a client's connection is gone.
	ClientDisconnectedHook interface {
		ClientDisconnected(ctx context.Context, c *flow.Conn)
	}
	// ServerConnectHook runs before a dial and may change where it goes.
	ServerConnectHook interface {
		ServerConnect(ctx context.Context, d *Dial) error
	}
	// ServerConnectedHook runs when a dial has worked.
	ServerConnectedHook interface {
		ServerConnected(ctx context.Context, d *Dial)
	}
	// ServerConnectErrorHook runs when a dial has failed; d.Err says why.
	ServerConnectErrorHook interface {
		ServerConnectError(ctx context.Context, d *Dial)
	}
	// ServerDisconnectedHook runs when a server's connection is gone.
	ServerDisconnectedHook interface {
		ServerDisconnected(ctx context.Context, d *Dial)
	}
	// HTTPConnectHook runs for a CONNECT request. A response outside 2xx
	// refuses the tunnel.
	HTTPConnectHook interface {
		HTTPConnect(ctx context.Context, x *Exchange) error
	}
	// RequestHeadersHook runs when the head of a request has come, before its body.
	RequestHeadersHook interface {
		RequestHeaders(ctx context.Context, x *Exchange) error
	}
	// RequestHook runs on the whole request: before it is sent when it is held or
	// has no body, else when its last byte has been sent.
	RequestHook interface {
		Request(ctx context.Context, x *Exchange) error
	}
	// ResponseHeadersHook runs when the head of a response has come.
	ResponseHeadersHook interface {
		ResponseHeaders(ctx context.Context, x *Exchange) error
	}
	// ResponseHook runs on the whole response, as RequestHook does.
	ResponseHook interface {
		Response(ctx context.Context, x *Exchange) error
	}
	// FinishedHook runs once when an exchange is over, whatever came of it: after
	// all its other events, its transforms included, and before its last picture
	// is taken, so that marker, comment and metadata may still be set. It must
	// not wait. An addon that keeps something for an exchange lets go of it here.
	FinishedHook interface {
		Finished(x *Exchange)
	}
	// ErrorHook runs instead of the response event when there is no whole
	// response; x.Err says why.
	ErrorHook interface {
		Error(ctx context.Context, x *Exchange) error
	}
)

// A Refusal is the error with which a ClientConnected hook refuses a
// connection without being a guard. It is not a failure of the addon.
type Refusal struct{ Reason string }

func (r *Refusal) Error() string { return r.Reason }

// Dial is one connection to a server, as the server events see it.
type Dial struct {
	Client *flow.Conn
	Server *flow.Conn
	// Address is the host:port to dial; ServerConnect may change it.
	Address string
	// Via is the parent proxy that it is dialled through, nil for none;
	// ServerConnect may change it.
	Via *flow.Via
	// ServerName is what the server is told of its name where TLS is spoken with it;
	// "" leaves that. ServerConnect may change it.
	ServerName string
	// Err is why the dial failed; ServerConnect sets it to refuse the dial.
	Err error
}

// Optional abilities, asked for once when a Set is built.
type (
	// Named gives an addon its name in logs; without it the type's name is used.
	Named interface{ Name() string }
	// Observer is an addon whose Request and Response hooks only look: when
	// Observe is true, nothing is held for it.
	Observer interface{ Observe() bool }
	// Guard is an addon that must not be passed by: when Required is true, an
	// error from it ends the exchange with a 502 and a body too large to hold is
	// refused instead of passing it.
	Guard interface{ Required() bool }
	// Selective is an addon that has all methods but wants only some events.
	Selective interface{ Wants() Events }
	// Prompt is an addon that, when Prompt is true, never waits for anything in a
	// hook on an exchange: a flow need not be shown before such a hook runs.
	Prompt interface{ Prompt() bool }

	// Particular is an addon whose events of exchanges are only for the requests that
	// it concerns, as their clients have sent them: an exchange of another one runs,
	// and costs, as if it were not there. Concerns may be called at once.
	Particular interface {
		Concerns(client *flow.Conn, r *flow.Request) bool
	}
)

// Events is a set of events.
type Events uint64

// The events.
const (
	OnClientConnected Events = 1 << iota
	OnClientDisconnected
	OnServerConnect
	OnServerConnected
	OnServerConnectError
	OnServerDisconnected
	OnHTTPConnect
	OnRequestHeaders
	OnRequest
	OnResponseHeaders
	OnResponse
	OnError
	OnFinished
	OnSSEEvent
	OnWebSocketStart
	OnWebSocketMessage
	OnWebSocketEnd
	OnGRPCMessage
	OnStreamMessage
	OnTCPStart
	OnTCPMessage
	OnTCPEnd
	OnTCPError
	OnTLSClientHello
	OnTLSStartClient
	OnTLSStartServer
	OnTLSEstablishedClient
	OnTLSEstablishedServer
	OnTLSFailedClient
	OnTLSFailedServer
	OnHTTPConnectUpstream
	OnHTTPConnected
	OnHTTPConnectError
	OnSOCKSAuth
)
