package ws

import (
	"strconv"
	"strings"

	"midstream/flow"
)

// Deflate is what permessage-deflate was agreed to be for one direction (RFC
// 7692 section 7.1). The zero value is none.
type Deflate struct {
	On bool
	// NoContext tells that each message is compressed by itself.
	NoContext bool
	// Bits is the logarithm of the window of the sender, 8 to 15; 0 is 15.
	Bits int
}

// Agreed reads Sec-WebSocket-Extensions of a 101: what compresses the messages
// of the client and those of the server, and the names of what else was agreed
// on, with which frames may mean anything.
func Agreed(field string) (client, server Deflate, others []string) {
	for _, ext := range strings.Split(field, ",") {
		params := strings.Split(ext, ";")
		name := strings.ToLower(flow.TrimSpace(params[0]))
		switch {
		case name == "":
			continue
		case name != "permessage-deflate" || client.On:
			others = append(others, name)
			continue
		}
		client.On, server.On = true, true
		for _, p := range params[1:] {
			name, value, _ := strings.Cut(p, "=")
			bits, _ := strconv.Atoi(strings.Trim(flow.TrimSpace(value), `"`))
			if bits < 8 || bits > 15 {
				bits = 0
			}
			switch strings.ToLower(flow.TrimSpace(name)) {
			case "client_no_context_takeover":
				client.NoContext = true
			case "server_no_context_takeover":
				server.NoContext = true
			case "client_max_window_bits":
				client.Bits = bits
			case "server_max_window_bits":
				server.Bits = bits
			}
		}
	}
	return client, server, others
}
