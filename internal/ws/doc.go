// Package ws reads and writes WebSocket frames (RFC 6455) and finds the messages
// in one direction of a connection, those of permessage-deflate (RFC 7692) too.
// It knows no sockets: octets come in pieces that are cut anywhere.
//
//	octets    | head | payload | head | payload | head | payload |
//	frames    | text, not fin  | ping           | continuation   |
//	messages                   | ping           | text           |
//
// What a Splitter keeps of a message is bounded; how long messages are is not.
// Where octets are not WebSocket, it says so once and reads no further: a reader
// must not guess at them, and whoever relays them lets them pass.
//
// Whether a message may be sent at all (UTF-8, masks by direction, close codes)
// is left to the two ends: here is seen what they say. Nothing here may be used
// by several goroutines at once.
package ws
