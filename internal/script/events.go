package script

import "midstream/hook"

// eventID numbers the events that reach functions of a script.
type eventID int

const (
	clientConnected eventID = iota
	clientDisconnected
	serverConnect
	serverConnected
	serverConnectError
	serverDisconnected
	httpConnect
	requestHeaders
	request
	responseHeaders
	response
	failed
	sseEvent
	grpcMessage
	streamMessageEvent
	webSocketStart
	webSocketMessage
	webSocketEnd
	tcpStart
	tcpMessage
	tcpEnd
	tcpError
	eventCount
)

// events has the name of each event in scripts and the hook that it stands for.
var events = [eventCount]struct {
	name string
	bit  hook.Events
}{
	clientConnected:    {"client_connected", hook.OnClientConnected},
	clientDisconnected: {"client_disconnected", hook.OnClientDisconnected},
	serverConnect:      {"server_connect", hook.OnServerConnect},
	serverConnected:    {"server_connected", hook.OnServerConnected},
	serverConnectError: {"server_connect_error", hook.OnServerConnectError},
	serverDisconnected: {"server_disconnected", hook.OnServerDisconnected},
	httpConnect:        {"http_connect", hook.OnHTTPConnect},
	requestHeaders:     {"requestheaders", hook.OnRequestHeaders},
	request:            {"request", hook.OnRequest},
	responseHeaders:    {"responseheaders", hook.OnResponseHeaders},
	response:           {"response", hook.OnResponse},
	failed:             {"error", hook.OnError},
	sseEvent:           {"sse_event", hook.OnSSEEvent},
	grpcMessage:        {"grpc_message", hook.OnGRPCMessage},
	streamMessageEvent: {"stream_message", hook.OnStreamMessage},
	webSocketStart:     {"websocket_start", hook.OnWebSocketStart},
	webSocketMessage:   {"websocket_message", hook.OnWebSocketMessage},
	webSocketEnd:       {"websocket_end", hook.OnWebSocketEnd},
	tcpStart:           {"tcp_start", hook.OnTCPStart},
	tcpMessage:         {"tcp_message", hook.OnTCPMessage},
	tcpEnd:             {"tcp_end", hook.OnTCPEnd},
	tcpError:           {"tcp_error", hook.OnTCPError},
}

// always are the events that every script gets, for its own bookkeeping: they
// begin and end a flow's stay with a version, and forget connections.
const always = hook.OnHTTPConnect | hook.OnRequestHeaders | hook.OnFinished |
	hook.OnClientDisconnected | hook.OnServerDisconnected

// unknownHooks are events of mitmproxy that do not come yet.
var unknownHooks = []string{
	"udp_start", "udp_message", "udp_end", "udp_error", "dns_request", "dns_response", "dns_error",
	"tls_clienthello", "tls_start_client", "tls_start_server", "tls_established_client", "tls_established_server",
	"tls_failed_client", "tls_failed_server", "next_layer", "http_connect_upstream", "http_connected", "http_connect_error",
	"socks5_auth", "clientconnect", "clientdisconnect", "serverconnect", "serverdisconnect",
}
