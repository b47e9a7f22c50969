package hook

// Hears tells whether any addon of s has one of the events.
func (s *Set) Hears(e Events) bool {
	if s == nil {
		return false
	}
	return e&OnClientConnected != 0 && len(s.clientConnected) > 0 ||
		e&OnClientDisconnected != 0 && len(s.clientDisconnected) > 0 ||
		e&OnServerConnect != 0 && len(s.serverConnect) > 0 ||
		e&OnServerConnected != 0 && len(s.serverConnected) > 0 ||
		e&OnServerConnectError != 0 && len(s.serverConnectError) > 0 ||
		e&OnServerDisconnected != 0 && len(s.serverDisconnected) > 0 ||
		e&OnHTTPConnect != 0 && len(s.httpConnect) > 0 ||
		e&OnRequestHeaders != 0 && len(s.requestHeaders) > 0 ||
		e&OnRequest != 0 && len(s.request) > 0 ||
		e&OnResponseHeaders != 0 && len(s.responseHeaders) > 0 ||
		e&OnResponse != 0 && len(s.response) > 0 ||
		e&OnError != 0 && len(s.failed) > 0 ||
		e&OnFinished != 0 && len(s.finished) > 0 ||
		e&OnSSEEvent != 0 && len(s.sseEvent) > 0 ||
		e&OnGRPCMessage != 0 && len(s.grpcMessage) > 0 ||
		e&OnStreamMessage != 0 && len(s.streamMessage) > 0 ||
		e&OnWebSocketStart != 0 && len(s.webSocketStart) > 0 ||
		e&OnWebSocketMessage != 0 && len(s.webSocketMessage) > 0 ||
		e&OnWebSocketEnd != 0 && len(s.webSocketEnd) > 0 ||
		e&OnTCPStart != 0 && len(s.tcpStart) > 0 ||
		e&OnTCPMessage != 0 && len(s.tcpMessage) > 0 ||
		e&OnTCPEnd != 0 && len(s.tcpEnd) > 0 ||
		e&OnTCPError != 0 && len(s.tcpError) > 0 ||
		e&OnTLSClientHello != 0 && len(s.tlsClientHello) > 0 ||
		e&OnTLSStartClient != 0 && len(s.tlsStartClient) > 0 ||
		e&OnTLSStartServer != 0 && len(s.tlsStartServer) > 0 ||
		e&OnTLSEstablishedClient != 0 && len(s.tlsEstablishedClient) > 0 ||
		e&OnTLSEstablishedServer != 0 && len(s.tlsEstablishedServer) > 0 ||
		e&OnTLSFailedClient != 0 && len(s.tlsFailedClient) > 0 ||
		e&OnTLSFailedServer != 0 && len(s.tlsFailedServer) > 0 ||
		e&OnHTTPConnectUpstream != 0 && len(s.httpConnectUpstream) > 0 ||
		e&OnHTTPConnected != 0 && len(s.httpConnected) > 0 ||
		e&OnHTTPConnectError != 0 && len(s.httpConnectError) > 0 ||
		e&OnSOCKSAuth != 0 && len(s.socksAuth) > 0
}
